"""What a backfill will take, from what the lake knows; pure but for the lake's index."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.gaps import Filler
from marketkit.data.fetch.plan import walks
from marketkit.data.jobs.tasks import slots_in
from marketkit.data.lake.format.chunk import Entry
from marketkit.data.lake.report.coverage import Knowledge
from marketkit.data.lake.store.store import Selection
from marketkit.exchange.upbit.rest import PAGE
from marketkit.timeframe import Timeframe

UPPER_BOUND = "upper bound"  # the basis where nothing is known: every slot may have traded
_BYTES = 24.0  # a candle on disk, where the lake has none to measure
_ENOUGH = 1_000  # covered slots from which the share that trades is taken


@dataclass(frozen=True, slots=True)
class Guess:
    """How many of a symbol's slots trade, how many bytes a candle takes, and how that is known."""

    share: float
    size: float
    basis: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What one symbol of a plan lacks and takes.

    `slots` were never asked about, in `gaps` spans; `absent` ones the exchange is known not to
    have: from before the listing, or for `1s` past its retention.
    """

    symbol: str
    gaps: int
    slots: int
    absent: int
    requests: int
    rows: int
    size: int
    basis: str


def estimate(filler: Filler, names: Sequence[str], timeframe: Timeframe, span: Span) -> list[Cost]:
    """Say what closing the gaps of each symbol takes; sends nothing."""
    found = filler.lake.select(None, timeframe)
    known = {name: _guess(found, name) for name in found.symbols}
    # How often a symbol trades says nothing about another: 1 % and 100 % of the slots both occur.
    size = _mean([guess.size for guess in known.values() if guess is not None])
    unknown = Guess(1.0, size, UPPER_BOUND)
    return [_cost(filler, name, timeframe, span, known.get(name) or unknown) for name in names]


def _cost(filler: Filler, name: str, timeframe: Timeframe, span: Span, guess: Guess) -> Cost:
    gaps = filler.gaps(name, timeframe, span)
    slots = slots_in(timeframe, gaps)
    paths = walks(name, timeframe, gaps, settle=filler.settle)
    rows = round(slots * guess.share)
    return Cost(
        symbol=name,
        gaps=len(gaps),
        slots=slots,
        absent=_absent(filler, name, timeframe, span),
        requests=sum(_requests(timeframe, each.start, each.end, guess.share) for each in paths),
        rows=rows,
        size=round(rows * guess.size),
        basis=guess.basis if slots else "",
    )


def _requests(timeframe: Timeframe, start: int, end: int, share: float) -> int:
    """A walk's last page is seldom full: it costs as much as the others."""
    return max(1, round(timeframe.count(start, end) * share / PAGE + 0.5))


def _absent(filler: Filler, name: str, timeframe: Timeframe, span: Span) -> int:
    moment = filler.lake.nothing_before(name, timeframe)
    known = Knowledge(timeframe, filler.lake.covered(name, timeframe), moment)
    return slots_in(timeframe, known.absent(*known.slots_of(*span)))


def _guess(found: Selection, name: str) -> Guess | None:
    entries: list[Entry] = found.found[name][1]
    covered = Spans(span for entry in entries for span in entry.footer.covered)
    slots = slots_in(found.timeframe, covered)
    rows = sum(entry.footer.rows for entry in entries)
    if slots < _ENOUGH or not rows:
        return None
    size = sum(entry.stamp.size for entry in entries) / rows
    return Guess(rows / slots, size, f"{rows / slots:.0%} of {slots:,} slots")


def _mean(sizes: Sequence[float]) -> float:
    return statistics.fmean(sizes) if sizes else _BYTES
