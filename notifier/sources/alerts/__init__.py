"""Alerts of monitoring: what fires, pushed or listed."""
