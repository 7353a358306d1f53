"""Candles of files enter the lake: judged as a whole, then kept with the slots that are proved.

A file may add what nobody knew; it may not overrule what the exchange proved, and it proves only
what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store.knowledge import Knowledge
from marketkit.data.lake.store.merge import merge
from marketkit.data.lake.store.rows import CandlePage, times_of, within
from marketkit.data.lake.store.store import Selection, Store
from marketkit.data.lake.store.unsettled import Unsettled
from marketkit.data.lake.store.write import Written, unknown_part
from marketkit.data.lake.transfer.batches import Batches, Read
from marketkit.data.lake.transfer.claims import Claim, claim_of
from marketkit.data.lake.transfer.compared import differences, rows_around
from marketkit.data.lake.transfer.imported import Imported, Imports
from marketkit.data.lake.transfer.kinds import broken, with_kinds
from marketkit.data.lake.transfer.sheet import Faults, Sheet, Tables, sheets_of
from marketkit.data.lake.transfer.source_table import SourceTable
from marketkit.data.lake.transfer.strangers import strangers
from marketkit.data.lake.transfer.terms import Terms
from marketkit.errors import InputError
from marketkit.progress import Progress, Reporter
from marketkit.schema import ROW

# Says what does not add up with wider or narrower candles of a lake, in sentences.
Compare = Callable[[Store, str, pl.DataFrame, Spans, Selection], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Plan:
    """The judgement of one market: the claim, and the lake's own candles there."""

    series: Series
    sheet: Sheet
    claim: Claim
    found: Selection
    stored: pl.DataFrame

    @property
    def page(self) -> CandlePage:
        return CandlePage(_of_symbol(self.claim.rows, self.series.symbol), self.claim.covering)


class Import:
    """One import: files are read, judged until none is refused any more, and kept."""

    def __init__(self, store: Store, terms: Terms, compare: Compare) -> None:
        self._store = store
        self._terms = terms
        self._compare = compare
        self._unsettled = Unsettled(store)
        self._tables: dict[int, SourceTable] = {}
        self._failures: list[InputError] = []

    def run(self, files: Sequence[Path], read: Read) -> Imports:
        """Keep the candles of files; see `Lake.import_`."""
        progress = Progress("import", len(files), asks=False)
        reporter = Reporter(progress)
        try:
            told = tuple(self._all(Batches(files, read, self._terms.symbol is not None), reporter))
            progress.state = "done"
        finally:
            reporter.close()
        return Imports(told, tuple(self._failures))

    def _all(self, batches: Batches, reporter: Reporter) -> Iterator[Imported]:
        """Judge all batches before anything is written, then keep one after the other."""
        for done, table in enumerate(batches.survey(), 1):
            if isinstance(table, InputError):
                self._refuse(table)
            else:
                reporter.progress.rows += table.rows.height
            reporter.progress.done = done
            reporter.update()
        numbers = batches.numbers()
        if len(numbers) > 1:
            numbers = [left for each in numbers if (left := self._fitting(batches, each))]
        for each in numbers or [[]]:
            yield from (self._keep(plan, reporter) for plan in self._judged(batches, each))

    def _fitting(self, batches: Batches, numbers: list[int]) -> list[int]:
        """Give the files of a batch that are not refused."""
        self._load(batches, numbers)
        self._judge()
        return list(self._tables)

    def _judged(self, batches: Batches, numbers: list[int]) -> list[_Plan]:
        """Give the judgement of a batch. Raises `InputError` where no file is left."""
        self._load(batches, numbers)
        plans = self._judge()
        if self._tables:
            return plans
        if self._failures:
            first, count = self._failures[0], len(self._failures)
            raise InputError(str(first) if count == 1 else f"none of {count:,} files fits: {first}")
        raise InputError("there is no file to import")

    def _load(self, batches: Batches, numbers: list[int]) -> None:
        self._tables = {}
        for number, table in batches.load(numbers):
            if isinstance(table, InputError):  # changed since it was read first
                self._refuse(table)
            else:
                self._tables[number] = table

    def _refuse(self, error: InputError) -> None:
        if self._terms.on_error == "raise":
            raise error
        self._failures.append(error)

    def _judge(self) -> list[_Plan]:
        """Judge the files of a batch together, without any that is refused."""
        while self._tables:
            plans, faults = self._judge_once()
            if not faults:
                return plans
            for number in sorted(faults):
                self._refuse(self._tables.pop(number).wrong(faults[number]))
        return []

    def _judge_once(self) -> tuple[list[_Plan], Faults]:
        sheets, faults = sheets_of(self._tables, self._terms)
        plans: list[_Plan] = []
        for sheet in () if faults else sheets:
            plan, wrong = self._plan(sheet)
            plans += [plan] if plan is not None else []
            faults |= wrong
        return plans, faults

    def _plan(self, sheet: Sheet) -> tuple[_Plan | None, Faults]:
        terms, tables = self._terms, self._tables
        series = Series(self._store.source, sheet.symbol, terms.timeframe)
        sheet = replace(sheet, rows=with_kinds(sheet.rows))
        faults = broken(sheet, series) or _says_nothing(sheet, tables, terms)
        if faults:
            return None, faults
        claim, faults = claim_of(sheet, tables, terms)
        if faults:
            return None, faults
        plan = self._met(series, sheet, claim)
        return plan, {} if terms.force else _strange(plan)

    def _met(self, series: Series, sheet: Sheet, claim: Claim) -> _Plan:
        """Look up the lake's own candles where files speak of a market."""
        found = self._store.select([series.symbol], series.timeframe)
        stored = rows_around(found, series.symbol, _hull(claim))
        return _Plan(series, sheet, claim, found, stored)

    def _keep(self, plan: _Plan, reporter: Reporter) -> Imported:
        """Write the claim, or count the changes of a dry run, and report."""
        known = plan.found.known(plan.series.symbol)
        stays = self._terms.prefer == "lake"
        page = unknown_part(plan.page, known) if stays else plan.page
        findings = self._compare(
            self._store, plan.series.symbol, page.rows, page.covering, plan.found
        )
        written = _would(plan, page) if self._terms.dry_run else self._write(plan, stays=stays)
        reporter.update()
        return replace(
            _report(plan, known, self._tables),
            changed=written.rows,
            revisions=written.revisions,
            findings=findings,
            failures=tuple(self._failures),
            dry_run=self._terms.dry_run,
        )

    def _write(self, plan: _Plan, *, stays: bool) -> Written:
        series, page = plan.series, plan.page
        written = self._store.append(
            series.symbol, series.timeframe, page.rows, page.covering, only_unknown=stays
        )
        self._unsettled.keep(series, _of_symbol(plan.claim.unsettled, series.symbol))
        return written


def _of_symbol(rows: pl.DataFrame, symbol: str) -> pl.DataFrame:
    return rows.with_columns(symbol=pl.lit(symbol)).select(*ROW)


def _strange(plan: _Plan) -> Faults:
    """Name the files with prices of another market."""
    rows = pl.concat([plan.claim.rows, plan.claim.unsettled])
    if rows.is_empty():
        return {}
    rows = rows if rows["time"].is_sorted() else rows.sort("time")
    return strangers(rows, plan.stored, plan.series.timeframe)


def _report(plan: _Plan, known: Knowledge, tables: Tables) -> Imported:
    """Report a claim before anything is written."""
    series, claim, files = plan.series, plan.claim, plan.sheet.files
    shown = _of_symbol(claim.unsettled, series.symbol)
    return Imported(
        path=tables[files[0]].path,
        symbol=series.symbol,
        timeframe=series.timeframe,
        rows=plan.sheet.rows.height,
        distinct=claim.rows.height + claim.unsettled.height,
        changed=0,
        revisions=0,
        covering=claim.covering,
        files=len(files),
        filled=series.timeframe.count_all(claim.covering - known.covered),
        empty=claim.empty,
        left_out=claim.left_out,
        unsettled=shown.filter(~within(shown["time"], known.proved)),
        differences=differences(series.symbol, series.timeframe, claim, plan.stored, known),
    )


def _says_nothing(sheet: Sheet, tables: Tables, terms: Terms) -> Faults:
    """Name the files without rows that, by name and caller, prove no time empty."""
    if terms.span is not None:
        return {}
    spoken = set(sheet.rows["file"].unique())
    return {
        file: "has no rows: say covering=(start, end) if nothing traded from one to the other"
        for file in sheet.files
        if file not in spoken and tables[file].period is None
    }


def _hull(claim: Claim) -> Span:
    """Give the span of time that files speak of."""
    times = times_of(pl.concat([claim.rows, claim.unsettled]))
    ends = (times.min(), times.max(), *(claim.covering.hull or ()))
    edges = [edge for edge in ends if isinstance(edge, int)]
    return Span(min(edges), max(edges) + 1) if edges else Span(0, 0)


def _would(plan: _Plan, page: CandlePage) -> Written:
    """Count the changes of a write, without a write."""
    known = plan.found.known(plan.series.symbol)
    old = plan.stored.filter(within(plan.stored["time"], known.covered))
    merged = merge(old, page.rows, page.covering, known.covered)
    return Written(merged.changed, len(merged.revisions))
