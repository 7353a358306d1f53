"""Frozen sets."""
