"""Speaking: the outbox to the channels. `order` decides; sender (by its `tokens`), reconciler and housekeeper do."""
