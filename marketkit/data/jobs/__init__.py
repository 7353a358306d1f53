"""Filling the lake: gaps become walks, walks become pages, pages become candles on disk."""
