"""A daemon that tells customers about an outage before they call."""

__version__ = "0.1.0"
