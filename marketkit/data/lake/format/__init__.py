"""The lake on disk."""
