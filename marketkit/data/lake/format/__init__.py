"""What a lake is on disk."""
