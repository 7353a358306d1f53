"""A backfill before anything is sent: what it will take, to be looked at, changed and run."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from marketkit.data.jobs.backfill import Manner
from marketkit.data.jobs.estimate import UPPER_BOUND, Cost
from marketkit.data.jobs.job import Job
from marketkit.data.jobs.tasks import Order, Wanted
from marketkit.errors import InputError
from marketkit.frames import one_of
from marketkit.progress import clock
from marketkit.schema import Schema
from marketkit.symbols import listed, matches

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


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """What a backfill will ask for; nothing is sent before `run()`.

    `frame` has a row for each symbol: its `gaps` and the `slots` in them, slots that are known to
    be `absent` from the exchange, the `requests`, `rows` and `mb` to expect, the `seconds` those
    requests take alone at the limit, and the `basis` of the estimate: how often the symbol traded
    where the lake knows it, else an upper bound, as for one that was listed after the start.
    `order()`, `only()` and `without()` give a changed plan.
    """

    wanted: Wanted
    costs: tuple[Cost, ...]
    pace: float
    manner: Manner
    start_job: Callable[[Plan], Job]

    @property
    def frame(self) -> pl.DataFrame:
        """One row for each symbol."""
        rows = [
            (
                *(cost.symbol, cost.gaps, cost.slots, cost.absent, cost.requests, cost.rows),
                *(round(cost.size / 1e6, 3), round(cost.requests / self.pace, 1), cost.basis),
            )
            for cost in self.costs
        ]
        return pl.DataFrame(rows, schema=dict(PLAN), orient="row")

    @property
    def requests(self) -> int:
        """How many requests are expected."""
        return sum(cost.requests for cost in self.costs)

    @property
    def seconds(self) -> float:
        """How long it takes if nobody else asks this group of the exchange."""
        return self.requests / self.pace

    def order(self, order: Order) -> Plan:
        """Give the plan in another order: `newest`, `oldest` first, or one symbol after another."""
        one_of("order", order, Order)
        return replace(self, manner=replace(self.manner, order=order))

    def only(self, symbols: str | Iterable[str]) -> Plan:
        """Give the plan of some of its symbols (codes or globs)."""
        meant = self._meant(symbols)
        return self._of([cost for cost in self.costs if cost.symbol in meant])

    def without(self, symbols: str | Iterable[str]) -> Plan:
        """Give the plan without some of its symbols (codes or globs)."""
        meant = self._meant(symbols)
        return self._of([cost for cost in self.costs if cost.symbol not in meant])

    def run(self) -> Job:
        """Begin; the same as `backfill(plan)`."""
        return self.start_job(self)

    def __len__(self) -> int:
        return len(self.costs)

    def __repr__(self) -> str:
        with pl.Config(tbl_rows=12, tbl_cols=-1, tbl_hide_column_data_types=True):
            return f"{self._summary()}\n{self.frame}"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self._summary())}</p>{self.frame._repr_html_()}"

    def _summary(self) -> str:
        slots, rows = sum(c.slots for c in self.costs), sum(c.rows for c in self.costs)
        size = sum(cost.size for cost in self.costs) / 1e6
        what = f"{len(self)} symbols {self.wanted.timeframe}, {self.manner.order} first"
        if self.manner.order == "symbols":
            what = f"{len(self)} symbols {self.wanted.timeframe}, one after another"
        unknown = sum(cost.basis == UPPER_BOUND for cost in self.costs)
        about = "at most" if unknown else "about"
        bounds = f"; upper bounds for {unknown} symbols that the lake does not know"
        return (
            f"plan of {what}: {slots:,} unknown slots, {about} {rows:,} candles ({size:,.1f} MB) in"
            f" {self.requests:,} requests, {clock(self.seconds)} at {self.pace:g}/s"
            f"{bounds if unknown else ''}"
        )

    def _meant(self, symbols: str | Iterable[str]) -> set[str]:
        mine = [cost.symbol for cost in self.costs]
        return {name for symbol in listed(symbols) for name in matches(symbol, mine)}

    def _of(self, costs: Sequence[Cost]) -> Plan:
        if not costs:
            raise InputError("no symbol is left in the plan")
        names = tuple(cost.symbol for cost in costs)
        return replace(self, costs=tuple(costs), wanted=replace(self.wanted, symbols=names))
