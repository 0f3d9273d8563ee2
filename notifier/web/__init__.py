"""The web part: health, metrics, webhooks in, unsubscribing. It decides nothing: it checks, hands on, answers."""
