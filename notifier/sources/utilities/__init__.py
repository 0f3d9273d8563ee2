"""Utilities' outage maps."""
