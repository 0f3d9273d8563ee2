"""What helps customers meanwhile, mined from what they say; offered to staff, never published by itself."""
