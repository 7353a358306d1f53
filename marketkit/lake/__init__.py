"""Candles on disk: Parquet that knows what it has."""

from marketkit.lake.lake import Lake

__all__ = ["Lake"]
