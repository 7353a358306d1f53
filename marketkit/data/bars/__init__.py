"""Bars out of trades."""
