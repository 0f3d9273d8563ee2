"""Stand-ins for the providers, on loopback, each with a ledger of what it accepted.

They ship with the product because the demo needs them, and because the oracle for "sent once" must be the far side's
book, never ours.
"""
