"""The layout of an answer: long or wide, and the index that pandas has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import polars as pl

from marketkit import symbols as naming
from marketkit.frames import Frame, FrameKind, finish, finish_wide

Given = str | Iterable[str] | None  # symbols as a caller typed them; None for a market list


class Layout(NamedTuple):
    """The shape of a caller's frame.

    Candles may be laid out `wide`, be of `several` widths, and all `closed` or not.
    """

    frame: FrameKind = "polars"
    tz: str = "UTC"
    wide: str | Sequence[str] | None = None
    several: bool = False
    closed: bool = False

    def shape(self, data: pl.DataFrame, symbols: Given, delivered: Iterable[str]) -> Frame:
        """Lay a frame out; a wide one has a column for each delivered symbol."""
        if self.wide is not None:
            names = sorted(set(delivered))
            return finish_wide(data, self.wide, names, frame=self.frame, tz=self.tz)
        if self.frame == "polars" and self.tz == "UTC":
            return data  # the shape that all frames are made in
        index, fixed = index_of(symbols), fixed_of(symbols, closed=self.closed)
        if fixed:  # the code, where a caller wrote a name
            fixed["symbol"] = next(iter(delivered), fixed["symbol"])
        if self.several:
            index.insert(-1, "timeframe")
        return finish(data, frame=self.frame, tz=self.tz, index=index, fixed=fixed)


PLAIN = Layout()


def index_of(symbols: Given) -> list[str]:
    """Give the columns that index a pandas frame: of one symbol, several, or a market list."""
    if symbols is None:
        return ["symbol"]
    return ["time"] if _is_one(symbols) else ["symbol", "time"]


def fixed_of(symbols: Given, *, closed: bool = False) -> dict[str, str | None]:
    """Give the columns of one market that cannot differ from row to row, with their values."""
    if symbols is None or not _is_one(symbols):
        return {}
    return {"symbol": str(symbols), **({"state": "closed"} if closed else {})}


def _is_one(symbols: str | Iterable[str]) -> bool:
    """Say whether a caller named one market, which a list of one does not."""
    return isinstance(symbols, str) and not naming.is_glob(symbols)
