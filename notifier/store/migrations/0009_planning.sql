-- Notices whose deliveries are being ended after a cancel, piece by piece in the order of channel and address, of which
-- the last that was looked at stands here; then the row goes. only_on: the channel that was cancelled, '' for all.
CREATE TABLE cancelling (
    notice TEXT NOT NULL REFERENCES notices (id),
    only_on TEXT NOT NULL,
    reason TEXT NOT NULL,
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (notice, only_on)
) STRICT, WITHOUT ROWID;
