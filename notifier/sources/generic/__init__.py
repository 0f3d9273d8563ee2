"""Anything else: JSON, HTML and feeds, mapped in YAML."""
