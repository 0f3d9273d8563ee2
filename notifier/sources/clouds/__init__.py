"""Clouds' own formats."""
