"""Networks that are listened to, and what drives them."""
