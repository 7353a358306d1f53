"""How much room a lake takes on disk: candles, and all else below the root."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import polars as pl

from marketkit.frames import one_of

By = Literal["series", "quote", "timeframe"]
_KEYS: dict[By, list[str]] = {
    "series": ["symbol", "timeframe"],
    "quote": ["quote"],
    "timeframe": ["timeframe"],
}
# What lies below the root, by the beginning of its name; all else is the index and its like.
_PARTS = {
    "candles": "candles",
    "trades": "trades",
    "journal": "candles",
    "snapshots": "frozen sets",
    "revisions": "revisions",
    "unsettled": "unsettled candles",
    "markets": "market lists",
    "corrupt": "set aside by repairs",
}
_ELSE = "index and jobs"


def usage(catalog: pl.DataFrame, by: By = "series") -> pl.DataFrame:
    """Add the series of a catalog up, the largest first: `series files rows bytes` of each.

    The columns before say of what: `symbol timeframe`, `quote` or `timeframe`.
    """
    one_of("by", by, By)
    quote = pl.col("symbol").str.split("-").list.first().alias("quote")
    keys = _KEYS[by]
    return (
        catalog.with_columns(quote)
        .group_by(keys)
        .agg(
            pl.len().cast(pl.Int64).alias("series"),
            pl.col("files", "rows", "bytes").sum(),
        )
        .sort("bytes", *keys, descending=[True, *(False for _ in keys)])
    )


def parts(root: Path) -> dict[str, int]:
    """Give the bytes of each part of a lake's folder; a file with two names counts once."""
    found: dict[str, int] = {}
    seen: set[tuple[int, int]] = set()
    # frozen sets share files with candles and trades, which come first
    for name in sorted(_names(root), key=lambda each: (each == "snapshots", each)):
        part = _PARTS.get(name, _ELSE)
        found[part] = found.get(part, 0) + _size(root / name, seen)
    return {part: size for part, size in found.items() if size}


def _names(root: Path) -> list[str]:
    return [each.name for each in os.scandir(root)] if root.is_dir() else []


def _size(path: Path, seen: set[tuple[int, int]]) -> int:
    if not path.is_dir():
        return _once(path, seen)
    files = (Path(folder) / name for folder, _, names in os.walk(path) for name in names)
    return sum(_once(each, seen) for each in files)


def _once(path: Path, seen: set[tuple[int, int]]) -> int:
    try:
        stat = path.stat()
    except OSError:  # gone since it was listed
        return 0
    if (stat.st_dev, stat.st_ino) in seen:
        return 0
    seen.add((stat.st_dev, stat.st_ino))
    return stat.st_size
