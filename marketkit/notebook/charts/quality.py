"""Heat maps of how far the days of a lake can be trusted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import polars as pl

from marketkit.frames import Frame, one_of
from marketkit.notebook.charts.chart import Chart
from marketkit.notebook.charts.days import Look, heat_map
from marketkit.notebook.charts.intake import need, to_polars
from marketkit.notebook.charts.style import Theme
from marketkit.timeframe import Timeframe
from marketkit.window import Instant

_GOOD = 90.0  # points: what happens on sound days costs less than ten
# Red for days that are wrong, amber for lacking ones, and teal from where a day is sound.
_SCALE = (
    (0.0, "#b3261e"),
    (0.5, "#e08a00"),
    (0.8999, "#f6dca8"),
    (0.9, "#cfe8e6"),
    (1.0, "#0b7a75"),
)
_LOOK = Look(_SCALE, {0: "not to be used", 50: "50", 90: "90", 100: "nothing found"})


@runtime_checkable
class Judges(Protocol):
    """A lake, or another judge of days."""

    def quality(
        self,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe = "1m",
        start: Instant | None = None,
        end: Instant | None = None,
    ) -> pl.DataFrame:
        """Judge every UTC day: `symbol date score reasons` and more."""


def quality(
    source: Judges | Frame,
    symbols: str | Iterable[str] | None = None,
    timeframe: str | Timeframe = "1m",
    start: Instant | None = None,
    end: Instant | None = None,
    *,
    theme: Theme = "auto",
) -> Chart:
    """Draw the score of each UTC day: a calendar of one symbol, or rows of many.

    `source` is a lake, or the frame of `lake.quality(...)`, of which `symbols` are drawn. Sound
    days are teal, those that lack candles amber, and those with numbers that cannot be right red;
    grey ones can never be had. The text at a day has the reasons. Days without a row are left out.

    Raises `InputError` for a frame of another kind.
    """
    one_of("theme", theme, Theme)
    if isinstance(source, Judges):
        days = source.quality(symbols, timeframe, start, end)
    else:
        days = _days(to_polars(source), symbols)
    return heat_map(_marked(days), _LOOK, _said(days), theme)


def _days(frame: pl.DataFrame, symbols: str | Iterable[str] | None) -> pl.DataFrame:
    need(frame, ("date", "score", "reasons"), "quality")
    days = frame.with_columns(pl.col("date").cast(pl.Date()))
    if symbols is None:
        return days
    names = [symbols] if isinstance(symbols, str) else list(symbols)
    return days.filter(pl.col("symbol").is_in(names))


def _marked(days: pl.DataFrame) -> pl.DataFrame:
    """Add the place of each day on the scale, null for a grey one, and the text."""
    score = pl.col("score").cast(pl.Float64()).fill_nan(None)
    reasons = pl.col("reasons").fill_null("")
    # Plotly takes a text for HTML; the order matters, for the one word has the letters of another.
    html = (("; ", "\n"), ("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\n", "<br>"))
    for letter, written in html:
        reasons = reasons.str.replace_all(letter, written, literal=True)
    points = pl.format("score {}", score)
    head = pl.when(score.is_null()).then(pl.lit("can never be had")).otherwise(points)
    said = pl.when(reasons == "").then(head).otherwise(pl.format("{}<br>{}", head, reasons))
    return days.with_columns(heat=score, said=said)


def _said(days: pl.DataFrame) -> str:
    if days.is_empty():
        return "no days"
    poor = days.filter(pl.col("score").cast(pl.Float64()).fill_nan(None) < _GOOD)
    return f"{len(days):,} days, {len(poor):,} of them below {_GOOD:g}"
