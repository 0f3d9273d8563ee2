"""The world -> signals and mentions: one file a source; `poller` and `listener` drive them."""
