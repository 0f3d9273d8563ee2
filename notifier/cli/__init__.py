"""What staff type. Commands read and ask; the running daemon decides and answers."""
