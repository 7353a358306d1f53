"""Trades in the lake: one file for a market and a UTC day, with proof of the known times."""
