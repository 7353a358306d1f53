"""Pages of an exchange as candles of a window: proof, young rows, final rows. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.read.fill import Block, closed, dense
from marketkit.data.lake.store.knowledge import Knowledge, beginning
from marketkit.data.lake.store.slots import slots_of
from marketkit.exchange.dialect import Page
from marketkit.schema import Schema, empty
from marketkit.timeframe import Timeframe
from marketkit.window import Window


def proved(pages: Sequence[Page]) -> Spans:
    """Give the slots that pages have a candle for, or prove to have none."""
    return Spans(span for page in pages for span in page.proved)


def knowledge(timeframe: Timeframe, pages: Sequence[Page]) -> Knowledge:
    """Give the proof of pages in the words of the lake."""
    return Knowledge(timeframe, proved(pages), *beginning(pages))


def known(pages: Sequence[Page]) -> Spans:
    """Give the slots that pages answer for, with the time before the first candle."""
    return proved(pages) | Spans((0, page.nothing_before or 0) for page in pages)


def height(pages: Sequence[Page]) -> int:
    """Count the rows of pages."""
    return sum(page.rows.height for page in pages)


def young(page: Page) -> pl.DataFrame:
    """Give the rows of a page that are not final yet."""
    hull = page.proved.hull
    return page.rows.filter(_time() >= (hull.end if hull is not None else 0))


def settled(
    symbol: str, pages: Sequence[Page], window: Window, end: int, shape: Schema
) -> pl.DataFrame:
    """Give the final candles of a window from pages, filled as asked."""
    spans = proved(pages)
    hull = spans.hull or Span(0, 0)
    rows = pl.concat([empty(shape), *(page.rows for page in pages)]).unique("time").sort("time")
    final = rows.filter(_time() < hull.end)
    start = window.timeframe.ceil(hull.start if window.start is None else window.start)
    inside = final.filter(_time() >= start, _time() < end)
    if window.fill == "none":
        return closed(inside)
    older = final.filter(_time() < start)["close"]
    before = older[-1] if older.len() else None
    parts = spans.clip(start, window.timeframe.ceil(end))
    blocks = [Block(symbol, slots_of(window.timeframe, part), before) for part in parts]
    return dense(inside.lazy(), blocks, window.fill).collect()


def _time() -> pl.Expr:
    return pl.col("time").dt.epoch("ms")
