"""A backfill before anything is sent: the cost, to be looked at, changed and run."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.archive.lookup import Looked
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.fetch.kept import gone
from marketkit.data.fetch.plan import walks
from marketkit.data.jobs.backfill import BackfillOptions
from marketkit.data.jobs.job import Job
from marketkit.data.jobs.tasks import BackfillRequest, Order
from marketkit.data.jobs.ways import CONFIRMING, NO_FILES, PAGE_BYTES, WAYS, ArchiveCost, pages_of
from marketkit.data.lake.format.chunk import Entry
from marketkit.data.lake.store.knowledge import Knowledge
from marketkit.data.lake.store.store import Selection
from marketkit.errors import InputError
from marketkit.exchange.upbit.archive.keys import FIRST_CANDLE
from marketkit.exchange.upbit.rest import PAGE
from marketkit.frames import one_of
from marketkit.net import fork
from marketkit.notebook.arguments import explained
from marketkit.notebook.card import Card, Shown
from marketkit.notebook.table import table
from marketkit.notebook.words import number
from marketkit.progress import clock
from marketkit.schema import Schema
from marketkit.symbols import matches, typed
from marketkit.timeframe import TIMEFRAMES, Timeframe

PLAN: Schema = {
    "symbol": pl.String(),
    "gaps": pl.Int64(),
    "slots": pl.Int64(),
    "absent": pl.Int64(),
    "requests": pl.Int64(),
    "rows": pl.Int64(),
    "mb": pl.Float64(),
    "seconds": pl.Float64(),
    "basis": pl.String(),
}


_NOTHING: Mapping[str, Looked] = {}  # no archive
_ROWS = 12  # symbols that are shown of a plan; `frame` has them all


@explained
@dataclass(frozen=True, slots=True, repr=False)
class Plan(Shown):
    """The cost of a backfill; nothing is sent before `run()`.

    `frame` has a row for each symbol: its `gaps` and the `slots` in them, slots that are known to
    be `absent` from the exchange, the `requests`, `rows` and `mb` to expect, the `seconds` those
    requests take alone at the limit, and the `basis` of the estimate: how often the symbol traded
    where the lake knows it, else an upper bound, as for one that was listed after the start.
    `order()`, `only()` and `without()` give a changed plan.

    With the archive there are columns for that way, too: the `files` and their `zip_mb`, the slots
    and requests `left` to REST, and the `archive_seconds` of all that; `rest_mb` are the answers of
    REST alone, as `requests` and `seconds` are.
    """

    wanted: BackfillRequest
    costs: tuple[Cost, ...]
    pace: float
    options: BackfillOptions
    start_job: Callable[[Plan, Executor | None], Job]

    @property
    def frame(self) -> pl.DataFrame:
        """One row for each symbol."""
        fork.check()
        rows = [
            (
                *(cost.symbol, cost.gaps, cost.slots, cost.absent, cost.requests, cost.rows),
                *(round(cost.size / 1e6, 3), round(cost.requests / self.pace, 1), cost.basis),
            )
            for cost in self.costs
        ]
        frame = pl.DataFrame(rows, schema=dict(PLAN), orient="row")
        if self.options.archive is None:
            return frame
        ways = [(cost.archive or NO_FILES).row(cost.requests, self.pace) for cost in self.costs]
        return frame.hstack(pl.DataFrame(ways, schema=dict(WAYS), orient="row"))

    @property
    def requests(self) -> int:
        """How many requests are expected."""
        return sum(cost.requests for cost in self.costs)

    @property
    def seconds(self) -> float:
        """The time needed if nobody else asks this group of the exchange."""
        return self.requests / self.pace

    def order(self, order: Order) -> Plan:
        """Give the plan in another order: `newest`, `oldest` first, or one symbol after another."""
        one_of("order", order, Order)
        return replace(self, options=replace(self.options, order=order))

    def only(self, symbols: str | Iterable[str]) -> Plan:
        """Give the plan of some of the symbols (codes or globs)."""
        meant = self._meant(symbols)
        return self._of([cost for cost in self.costs if cost.symbol in meant])

    def without(self, symbols: str | Iterable[str]) -> Plan:
        """Give the plan without some of the symbols (codes or globs)."""
        meant = self._meant(symbols)
        return self._of([cost for cost in self.costs if cost.symbol not in meant])

    def run(self, on: Executor | None = None) -> Job:
        """Begin in the background, here or `on` the workers of an executor.

        That is any `concurrent.futures.Executor`, such as Dask's `client.get_executor()`. Each
        worker asks from its own address (`MARKETKIT_ADDRESS`), paced by the budget of its machine,
        and writes into the same lake: a folder that all share, or a bucket. One that is killed
        costs the pages in its hands. Raises `InputError` for an executor that forks and, as the
        job's failure, for a worker with another version of marketkit.
        """
        return self.start_job(self, on)

    def __len__(self) -> int:
        return len(self.costs)

    def _card(self) -> Card:
        return Card(self._summary(), {"range": str(self.wanted)}, None, (table(self.frame, _ROWS),))

    def _summary(self) -> str:
        slots, rows = sum(c.slots for c in self.costs), sum(c.rows for c in self.costs)
        size = sum(cost.size for cost in self.costs) / 1e6
        what = f"{len(self)} symbols {self.wanted.timeframe}, {self.options.order} first"
        if self.options.order == "symbols":
            what = f"{len(self)} symbols {self.wanted.timeframe}, one after another"
        unknown = sum(cost.basis == UPPER_BOUND for cost in self.costs)
        about = "at most" if unknown else "about"
        bounds = f"; upper bounds for {unknown} symbols that the lake does not know"
        return (
            f"plan of {what}: {slots:,} unknown slots, {about} {rows:,} candles ({size:,.1f} MB) in"
            f" {self.requests:,} requests, {clock(self.seconds)} at {number(self.pace)}/s"
            f"{bounds if unknown else ''}{self._ways()}"
        )

    def _ways(self) -> str:
        """Say what the same costs with the archive."""
        if self.options.archive is None:
            return ""
        costs = [cost.archive or NO_FILES for cost in self.costs]
        files, left = sum(x.files for x in costs), sum(x.left_requests + x.pages for x in costs)
        size, seconds = sum(x.size for x in costs), sum(x.seconds(self.pace) for x in costs)
        alone = f"{self.requests * PAGE_BYTES / 1e6:,.1f} MB of answers"
        return (
            f"; {alone}; with the archive {files:,} files"
            f" ({size / 1e6:,.1f} MB) and {left:,} requests, about {clock(seconds)}"
        )

    def _meant(self, symbols: str | Iterable[str]) -> set[str]:
        mine = [cost.symbol for cost in self.costs]
        return {name for symbol in typed(symbols, mine) for name in matches(symbol, mine)}

    def _of(self, costs: Sequence[Cost]) -> Plan:
        if not costs:
            raise InputError("no symbol is left in the plan")
        names = tuple(cost.symbol for cost in costs)
        return replace(self, costs=tuple(costs), wanted=replace(self.wanted, symbols=names))


UPPER_BOUND = "upper bound"  # the basis where nothing is known: every slot may have traded


_BYTES = (
    24.0  # a candle on disk, where the lake has none to measure; the size matters for a plan only
)


_ENOUGH = 1_000  # covered slots from which the share that trades is taken, to a few percent


@dataclass(frozen=True, slots=True)
class Guess:
    """How many of a symbol's slots trade, how many bytes a candle takes, and how that is known."""

    share: float
    size: float
    basis: str


@dataclass(frozen=True, slots=True)
class Cost:
    """The gaps of one symbol of a plan, and the cost of closing each.

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
    archive: ArchiveCost | None = None


def estimate(
    filler: GapFiller,
    names: Sequence[str],
    timeframe: Timeframe,
    span: Span,
    archived: Mapping[str, Looked] = _NOTHING,
) -> list[Cost]:
    """Estimate the cost of closing the gaps of each symbol; sends nothing.

    `archived` are the files that were found for them.
    """
    found = filler.lake.select(None, timeframe)
    known = {name: _guess(found, name) for name in found.symbols}
    # How often a symbol trades says nothing about another: 1 % and 100 % of the slots both occur.
    size = _mean([guess.size for guess in known.values() if guess is not None])
    unknown = Guess(1.0, size, UPPER_BOUND)
    costs = []
    for name in names:
        guess = known.get(name) or unknown
        cost = _cost(filler, name, timeframe, span, guess)
        if name in archived:
            way = _way(filler, timeframe, span, archived[name], guess)
            cost = replace(cost, archive=way)
        costs.append(cost)
    return costs


def _way(
    filler: GapFiller, timeframe: Timeframe, span: Span, looked: Looked, guess: Guess
) -> ArchiveCost:
    """Estimate the cost with files: REST has what no file has.

    Before the first file there was no market, as a rule: few requests confirm that.
    """
    left = filler.gaps(looked.symbol, timeframe, span) - looked.spans
    left -= gone(timeframe, filler.transport.now())
    first = min((each.start for each in looked.spans), default=0)
    first = 0 if first < TIMEFRAMES["1M"].next(FIRST_CANDLE) else first  # older ones had markets
    later = left.clip(first, span.end)
    paths = walks(looked.symbol, timeframe, later, settle=filler.settle)
    pages = sum(_requests(timeframe, x.start, x.end, guess.share) for x in paths)
    return ArchiveCost(
        files=len(looked.files),
        size=looked.size,
        left_slots=timeframe.count_all(left),
        left_requests=pages + (CONFIRMING if left != later else 0),
        pages=pages_of(timeframe, looked),
    )


def _cost(filler: GapFiller, name: str, timeframe: Timeframe, span: Span, guess: Guess) -> Cost:
    missing = filler.gaps(name, timeframe, span)
    gaps = missing - gone(timeframe, filler.transport.now())
    slots = timeframe.count_all(gaps)
    paths = walks(name, timeframe, gaps, settle=filler.settle)
    rows = round(slots * guess.share)
    return Cost(
        symbol=name,
        gaps=len(gaps),
        slots=slots,
        absent=_absent(filler, name, timeframe, span) + timeframe.count_all(missing - gaps),
        requests=sum(_requests(timeframe, each.start, each.end, guess.share) for each in paths),
        rows=rows,
        size=round(rows * guess.size),
        basis=guess.basis if slots else "",
    )


def _requests(timeframe: Timeframe, start: int, end: int, share: float) -> int:
    """Count the requests of a walk; the last page, seldom full, costs as much as others."""
    return max(1, round(timeframe.count(start, end) * share / PAGE + 0.5))


def _absent(filler: GapFiller, name: str, timeframe: Timeframe, span: Span) -> int:
    moment = filler.lake.nothing_before(name, timeframe)
    known = Knowledge(timeframe, filler.lake.covered(name, timeframe), moment)
    return timeframe.count_all(known.absent(*known.slots_of(*span)))


def _guess(found: Selection, name: str) -> Guess | None:
    entries: list[Entry] = found.found[name][1]
    covered = Spans(span for entry in entries for span in entry.footer.covered)
    slots = found.timeframe.count_all(covered)
    rows = sum(entry.footer.rows for entry in entries)
    if slots < _ENOUGH or not rows:
        return None
    size = sum(entry.stamp.size for entry in entries) / rows
    return Guess(rows / slots, size, f"{rows / slots:.0%} of {slots:,} slots")


def _mean(sizes: Sequence[float]) -> float:
    return statistics.fmean(sizes) if sizes else _BYTES
