"""The Vermont morning: the story the product exists for, reconstructed and played live in a terminal."""
