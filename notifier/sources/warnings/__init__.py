"""Public warnings, and measurements of whole regions."""
