"""Candles on disk: Parquet that knows what it has."""

import logging

from marketkit.data.lake.lake import Lake

__all__ = ["Lake"]

logging.getLogger("marketkit.lake").addHandler(logging.NullHandler())
