"""Streams on disk with the time of each message, and played again."""
