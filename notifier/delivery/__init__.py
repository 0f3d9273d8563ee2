"""Speaking: the outbox to the channels. `order` and `rate` decide; sender, reconciler and housekeeper do."""
