-- Notices whose deliveries are being ended after a cancel, piece by piece in the order of channel and address, of which
-- the last that was looked at stands here; then the row goes. only_on: the channel that was cancelled, '' for all.
CREATE TABLE cancelling (
    notice TEXT COLLATE "C" NOT NULL REFERENCES notices (id),
    only_on TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (notice, only_on)
);
