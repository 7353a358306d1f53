"""The merge of another lake's trades into this one, market by market."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from marketkit import symbols as naming
from marketkit.data.lake.format import marker
from marketkit.data.lake.store.store import Store
from marketkit.data.lake.trades.day import KIND
from marketkit.data.lake.trades.store import TradeStore
from marketkit.data.lake.trades.take import TradesTaken, take_trades_of
from marketkit.errors import LakeError, MarketkitError, NotWritable, UnknownSymbol


class TradeTerms(NamedTuple):
    """The markets that are meant, None for all, and whether the other's word `replaces` ours."""

    symbols: Sequence[str] | None
    replaces: bool
    dry_run: bool


def merge_trades(
    lake: Store,
    other: Store,
    terms: TradeTerms,
    failures: MutableMapping[tuple[str, str], MarketkitError],
) -> Iterator[TradesTaken]:
    """Merge the trades of the markets that are meant, and note each failure."""
    into, source = (TradeStore(each.root, lake.source) for each in (lake, other))
    names = source.symbols()
    for name in names if terms.symbols is None else _meant(terms.symbols, names):
        try:
            if lake.url is not None:
                raise LakeError(marker.candles_alone(lake.url))
            yield take_trades_of(into, source, name, replaces=terms.replaces, dry_run=terms.dry_run)
        except NotWritable:
            raise
        except MarketkitError as failure:
            failures[name, KIND] = failure


def _meant(given: Sequence[str], names: Sequence[str]) -> list[str]:
    """Give the markets that are meant among some; others have candles alone."""
    found: set[str] = set()
    for each in naming.typed(given, names, aloud=False):
        with suppress(UnknownSymbol):
            found.update(naming.matches(each, names))
    return sorted(found)
