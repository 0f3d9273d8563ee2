"""Our own tries, from here and from other places."""
