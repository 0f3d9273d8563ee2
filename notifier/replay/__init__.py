"""Recording what was heard, and playing it again through the daemon's own code in virtual time."""
