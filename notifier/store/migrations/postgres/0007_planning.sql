-- Notices whose deliveries are cancelled: from the moment one stands here none of them begins. Their rows are ended
-- piece by piece, in the order of channel and address, of which the last that was looked at stands here; then it goes.
CREATE TABLE cancels (
    notice TEXT COLLATE "C" PRIMARY KEY REFERENCES notices (id),
    reason TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL
);
