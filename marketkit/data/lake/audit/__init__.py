"""Faults of a lake, and the repair."""
