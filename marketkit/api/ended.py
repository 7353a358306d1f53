"""Markets that the exchange lists no more: the lake answers, and the answer says how far."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import polars as pl

from marketkit import symbols as naming
from marketkit.api.query import Hit, Note, QuerySpec, Results, choose_source
from marketkit.cache.memory import Batch, entries
from marketkit.clock import age_clock
from marketkit.coverage import Spans
from marketkit.data.lake.chronicle import Chronicle
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.read.candles import CandleResult
from marketkit.data.lake.read.ended import Kept, from_kept
from marketkit.data.lake.read.resample import fold
from marketkit.errors import NotCovered
from marketkit.net.engine import aside
from marketkit.timeframe import iso
from marketkit.window import EVER, Window


class EndedMarkets:
    """Candles of markets that nobody can be asked about; `now` is the exchange's time."""

    def __init__(self, lake: Lake, now: Callable[[], int]) -> None:
        self._lake = lake
        self._now = now

    async def candles(
        self, symbols: Sequence[str], window: Window, told: Chronicle, *, exact: bool = False
    ) -> tuple[CandleResult, dict[str, Note]]:
        """Answer for the markets in the lake, with a note for each; with `exact` in decimals."""
        narrow = window.narrow(self._now())
        kept = await self.kept(symbols, narrow, told, exact=exact)
        found = await aside(functools.partial(fold, kept.candles, narrow))
        return found, {symbol: note(symbol, kept.lacking[symbol], told) for symbol in kept.covered}

    async def instead(
        self, candles: CandleResult, window: Window, lake: Lake, *, exact: bool = False
    ) -> tuple[CandleResult, dict[str, Note]]:
        """Replace failures of a lake alone by proved candles, for ended markets."""
        short = [name for name, why in candles.failures.items() if isinstance(why, NotCovered)]
        if not short:
            return candles, {}
        told = await aside(lake.universe.chronicle)
        gone = told.ended
        ended = [name for name in short if name in gone]
        found, notes = await self.candles(ended, window, told, exact=exact)
        if not (notes or found.failures):
            return candles, {}
        failures = candles.failures | found.failures
        failures = {name: why for name, why in failures.items() if name not in notes}
        frame = pl.concat([candles.frame, found.frame]).sort("symbol", "time")
        both = {**candles.known, **found.known}, {**candles.derived, **found.derived}
        return CandleResult(frame, failures, both[0], derived=both[1]), notes

    async def kept(
        self,
        symbols: Sequence[str],
        narrow: Window,
        told: Chronicle,
        lake: Lake | None = None,
        *,
        exact: bool = False,
    ) -> Kept:
        """Read the proved candles of the lake, or another one, in a range without a session."""
        now, read = self._now(), lake or self._lake
        codes = [symbol for symbol in symbols if naming.is_code(symbol)]  # no glob, no slip
        until = {symbol: min(now, told.gone_by(symbol) or now) for symbol in codes}
        return await aside(functools.partial(from_kept, read, codes, narrow, until, exact=exact))


def kept_hits(candles: CandleResult, spec: QuerySpec, notes: Mapping[str, Note]) -> Results:
    """Give a hit from the lake for each symbol with a note, not to be given again; or failures."""
    names = tuple(notes)
    batch = Batch(candles.frame, age_clock(), spec.cache_key, names, derived=candles.derived)
    held = entries(batch, dict.fromkeys(names, 0))
    return candles.failures | {
        name: Hit(choose_source(lake=True, derived=name in candles.derived), each, notes[name])
        for name, each in zip(names, held, strict=True)
    }


def note(symbol: str, lacking: Spans, told: Chronicle) -> Note:
    """Tell the last day of an ended market in the list, and the gaps in the lake's answer."""
    last, went_on = told.last.get(symbol), told.successors.get(symbol)
    said = f"{symbol} is not listed any more"
    said += f", last on {last}" if last is not None else " and in no market list of the lake"
    said += f", and goes on as {went_on}" if went_on is not None else ""
    if not lacking:
        return Note(f"{said}: all candles are the lake's")
    return Note(f"{said}: {lacks(lacking)}, and cannot get it", lacking=True)


def lacks(gaps: Spans) -> str:
    """Say that the lake has no proof of some slots, naming the first."""
    start, end = next(iter(gaps))
    where = f"before {iso(end)}" if start == EVER.start else f"from {iso(start)} to {iso(end)}"
    more = f" and {len(gaps) - 1} more gaps" if len(gaps) > 1 else ""
    return f"the lake has no proof {where}{more}"
