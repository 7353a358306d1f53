"""Candles in and out as files."""
