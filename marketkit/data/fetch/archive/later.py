"""The later witness of a candle, a file of the archive or REST, is believed.

A file saw what it says when it was published (`lastModified`), REST when the answer was dated; both
are times of the exchange. REST's answers are written as they come, so each is later than all that
the lake has. A file need not be: the lake keeps a moment for every number that it took back, and
where that is after the file's publication, the file does not take the number back again. Everything
else that is known was told before, or is the same; there the file, published after all of its
candles had closed, is the later one, and what differs is a revision seen at its publication.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.provenance import Source
from marketkit.data.lake.lake import Lake
from marketkit.exchange.upbit.archive.listing import moment_of


def told_at(source: Source) -> int:
    """Give the moment to which a file testifies: published, or fetched if nobody said."""
    published = moment_of(source.modified)
    return source.at if published is None else min(published, source.at)


def seen_later(lake: Lake, series: Series, sources: Sequence[Source]) -> Spans:
    """Give the known slots of files in which a number was taken back after their publication."""
    log = lake.revisions(series.symbol, series.timeframe)
    if log.is_empty():
        return Spans()
    times, seen = pl.col("time").cast(pl.Int64), pl.col("seen_at").cast(pl.Int64)
    late = log.filter(
        pl.any_horizontal(
            times.is_between(each.start, each.end, closed="left") & (seen > told_at(each))
            for each in sources
        )
    )
    slots = late["time"].cast(pl.Int64).unique().to_list()
    found = Spans((slot, series.timeframe.next(slot)) for slot in slots)
    return found & lake.covered(series.symbol, series.timeframe) if found else found
