"""Candles on disk: Parquet that knows which slots are there."""

import logging

from marketkit.data.lake.lake import Lake

__all__ = ["Lake"]

logging.getLogger("marketkit.lake").addHandler(logging.NullHandler())
