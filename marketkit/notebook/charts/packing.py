"""Candles as few bytes, for a page that makes them wider and narrower itself. Pure.

A column of whole numbers is written as its bytes plane by plane, then all of them are compressed:
`chart.js` reads this. Prices are exact to nine digits, volumes and turnovers to four.
"""

from __future__ import annotations

import base64
import gzip
import math
import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from marketkit.notebook.charts.bins import joined, widths
from marketkit.notebook.charts.intake import PRICES, Candles, offsets

_EFFORT = 6  # of gzip: more takes thrice the time for one percent
_WHOLE = 2**31  # prices are counted in steps; differences of two of these fit 32 bits
_PLACES = 8  # decimals of any price on the exchange
_AMOUNTS = ("volume", "value")
_FIGURES = 4  # significant figures of an amount: more than the height of a bar can show


@dataclass(frozen=True, slots=True)
class Packed:
    """A header for `chart.js`, and compressed columns in base64."""

    header: dict[str, Any]
    data: str


def pack(candles: Sequence[Candles], width: int) -> Packed:
    """Pack candles joined to `width`."""
    series, columns = [], list[pl.Series]()
    times = pl.concat([pl.Series([*each.reach, *each.rows["t"]]) for each in candles])
    for each in candles:
        told, own = _series(joined(each, width))
        series.append(told | {"first": len(columns), "widths": widths_from(each, width)})
        columns += own
    data = b"".join(map(_planes, columns))
    header = {
        "series": series,
        "sizes": [len(each) for each in columns],
        "zone": offsets(times, candles[0].zone),
    }
    # Without a date in it equal candles are equal bytes.
    return Packed(header, base64.b64encode(gzip.compress(data, _EFFORT, mtime=0)).decode("ascii"))


def widths_from(candles: Candles, width: int) -> list[int]:
    """List the widths of a zoom, of which the narrowest is the one that is packed."""
    return [width, *(each for each in widths(candles.width) if each > width)]


def _series(candles: Candles) -> tuple[dict[str, Any], list[pl.Series]]:
    rows, phase = candles.rows, candles.phase
    places = _places(rows.select(PRICES))
    steps = rows.select((pl.col(PRICES) * 10**places).round().cast(pl.Int64()))
    opened, high, low, close = (steps[name] for name in PRICES)
    body = steps.select(
        top=pl.max_horizontal("open", "close"), bottom=pl.min_horizontal("open", "close")
    )
    columns = [
        _differences(rows["t"] // 1000),
        opened - close.shift(1, fill_value=0),
        close - opened,
        high - body["top"],
        body["bottom"] - low,
    ]
    columns += [part for name in _AMOUNTS for part in _figures(rows[name])]
    hidden = (candles.lost, candles.quiet, candles.absent)
    columns += [
        _differences(each.select(pl.concat_list("start", "end").explode()).to_series() // 1000)
        for each in hidden
    ]
    told = {"places": places, "width": candles.width, "phase": phase, "forming": candles.forming}
    return told, [_unsigned(each) for each in columns]


def _places(prices: pl.DataFrame) -> int:
    """Count the decimals that the prices need, within nine digits."""
    most = max(prices.max().max_horizontal().item() or 1.0, 10**-_PLACES)
    room = math.floor(math.log10(_WHOLE / most))
    for places in range(min(_PLACES, room)):
        scaled = pl.all() * 10**places
        if prices.select(((scaled - scaled.round()).abs() < 1e-6).all()).row(0) == (True,) * 4:
            return places
    return min(_PLACES, room)


def _figures(amounts: pl.Series) -> Iterable[pl.Series]:
    """Cut amounts to their first figures and a power of ten, each a column of whole numbers."""
    known = amounts.fill_null(0.0)
    power = known.log10().floor().replace([-math.inf], [0.0]) - (_FIGURES - 1)
    return ((known / 10**power).round().cast(pl.Int64()), power.cast(pl.Int64()))


def _differences(numbers: pl.Series) -> pl.Series:
    return numbers - numbers.shift(1, fill_value=0)


def _unsigned(numbers: pl.Series) -> pl.Series:
    """Fold the sign into the last bit, so that small differences are small numbers."""
    return (
        (pl.select(pl.when(numbers < 0).then(-2 * numbers - 1).otherwise(2 * numbers)))
        .to_series()
        .cast(pl.UInt32())
    )


def _planes(numbers: pl.Series) -> bytes:
    """Give the first bytes of all numbers, the lowest ones, then the second ones, and so on."""
    words = array("I", numbers.to_list())
    if sys.byteorder == "big":
        words.byteswap()
    raw = words.tobytes()
    return b"".join(raw[at::4] for at in range(4))
