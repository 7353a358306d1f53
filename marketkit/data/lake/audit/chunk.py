"""One chunk under the magnifying glass: the faults, and the part that can be trusted."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format import seal
from marketkit.data.lake.format.chunk import FORMAT, KEY, Footer, Stamp, describe
from marketkit.data.lake.format.journal import mark_of
from marketkit.data.lake.format.layout import SUFFIX, Series, chunk_span, is_chunk
from marketkit.data.lake.format.nonsense import NONSENSE, UNREADABLE, evidence_of, is_moment
from marketkit.data.lake.format.provenance import provenance_of
from marketkit.data.lake.store.rows import breaches, times_of, within
from marketkit.errors import MarketkitError
from marketkit.schema import ROW
from marketkit.timeframe import iso
from marketkit.window import EVER

# Rows have gone, come or changed their time: that any slot is empty is no longer proved.
_SHAKING = {"miscounted", "misaligned", "overlap", "uncovered"}
_PYARROW = (pa.ArrowException, UnicodeDecodeError)  # the second for names that are no text


class Problem(NamedTuple):
    """One thing that is wrong, in a word of `findings.FINDING` and in a sentence."""

    finding: str
    detail: str


class Trusted(NamedTuple):
    """Rows and claims that nothing speaks against."""

    rows: pl.DataFrame
    footer: Footer


@dataclass(frozen=True, slots=True)
class Inspected:
    """The findings of a look at a chunk.

    `said` is its footer and `trusted` what can be kept of it without guessing; both are None where
    the file as a whole says nothing that could be believed. `sha256` is the hash of its bytes.
    """

    problems: list[Problem]
    stamp: Stamp
    sha256: str | None = None
    said: Footer | None = None
    trusted: Trusted | None = None


class _Unusable(MarketkitError):
    """A file of which nothing can be trusted."""

    def __init__(self, finding: str, detail: str) -> None:
        super().__init__(detail)
        self.problem = Problem(finding, detail)


def inspect(path: Path, series: Series) -> Inspected:
    """Look at every byte of one version of the chunk at `path`.

    Raises `FileNotFoundError`, and `PermissionError` for one that may not be read.
    """
    try:
        with path.open("rb") as file:
            stamp, content = Stamp.of(os.fstat(file.fileno())), file.read()
    except (FileNotFoundError, PermissionError):
        raise
    except OSError as error:
        stamp = Stamp.of(path.lstat())
        return Inspected([Problem("corrupt", f"cannot be read: {error}")], stamp)
    digest, chunk = sha256(content).hexdigest(), path.name.removesuffix(SUFFIX)
    try:
        said = _said(content, chunk, series)
        found = _compare(_rows(content), said, series, chunk_span(series.timeframe, chunk))
    except _Unusable as broken:
        return Inspected([broken.problem], stamp, digest)
    return Inspected(found.problems, stamp, digest, said, found.trusted)


def _said(content: bytes, chunk: str, series: Series) -> Footer:
    """Give the footer as written, if the text can be understood and is meant for this place."""
    if not is_chunk(series.timeframe, chunk):
        raise _Unusable("misplaced", f"not named like a chunk of {series.timeframe} candles")
    try:
        seal.check(content)
    except ValueError as error:
        raise _Unusable("corrupt", str(error)) from error
    try:
        metadata = pq.read_metadata(BytesIO(content)).metadata or {}
    except (*_PYARROW, OSError) as error:
        raise _Unusable("corrupt", f"not a whole Parquet file: {error}") from error
    if KEY not in metadata:
        raise _Unusable("foreign", "a Parquet file that marketkit did not write")
    try:
        said = json.loads(metadata[KEY])
        if said["format"] > FORMAT:
            raise _Unusable("newer", f"format {said['format']}; this marketkit reads {FORMAT}")
        footer, of = _footer(said), (said["symbol"], said["timeframe"])
    except NONSENSE as error:
        raise _Unusable("corrupt", f"its footer cannot be understood: {error!r}") from error
    _refuse_misplaced(of, footer, chunk, series)
    return footer


def _footer(said: Mapping[str, Any]) -> Footer:
    numbers = [said[name] for name in ("nothing_before", "rows", "first", "last")]
    if not all(number is None or is_moment(number) for number in numbers):
        raise TypeError(f"{numbers} are no numbers")
    covered = Spans((int(start), int(end)) for start, end in said["covered"])
    if covered.clip(*EVER) != covered:
        raise ValueError("it claims times that no candle can have")
    rests_on = evidence_of(said.get("rests_on"))
    archive, taken = provenance_of(said), mark_of(said.get("journal"))
    return Footer(covered, *numbers, rests_on=rests_on, archive=archive, taken=taken)


def _refuse_misplaced(of: tuple[Any, Any], footer: Footer, chunk: str, series: Series) -> None:
    if of != (series.symbol, series.timeframe.name):
        raise _Unusable("misplaced", f"has candles of {of[0]} {of[1]}")
    span = chunk_span(series.timeframe, chunk)
    if footer.covered.clip(*span) != footer.covered:
        raise _Unusable("misplaced", f"covers {_text(footer.covered)}, outside its chunk")


def _rows(content: bytes) -> pl.DataFrame:
    """Decompress every page; checksums are checked where the file has any."""
    try:
        table = pq.read_table(BytesIO(content), page_checksum_verification=True, partitioning=None)
        table.validate(full=True)  # words that are none would end the process
        rows = pl.DataFrame(table)
    except (*_PYARROW, OSError, *UNREADABLE) as error:
        raise _Unusable("corrupt", f"its pages cannot be read: {error}") from error
    if dict(rows.schema) != dict(ROW) or rows.columns != list(ROW):
        raise _Unusable("foreign", f"its columns are {dict(rows.schema)}")
    if rows["time"].null_count():
        raise _Unusable("corrupt", f"{rows['time'].null_count()} rows without a time")
    times = times_of(rows)
    if not times.is_between(*EVER, closed="left").all():
        raise _Unusable("corrupt", "rows outside the years 1970 to 9998")
    return rows


class _Doubts:
    """Collects problems, and the times of the rows that cannot be trusted."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self.rows = rows
        self.problems: list[Problem] = []
        self.times: set[int] = set()

    def add(self, finding: str, detail: str) -> None:
        """Note a problem that casts no doubt on any row."""
        self.problems.append(Problem(finding, detail))

    def about(self, finding: str, broken: pl.DataFrame, detail: str) -> None:
        """Doubt some rows, if there are any."""
        if broken.is_empty():
            return
        times = times_of(broken)
        self.times.update(times)
        self.add(finding, f"{broken.height} rows, the first at {iso(times[0])}: {detail}")


class _Found(NamedTuple):
    problems: list[Problem]
    trusted: Trusted


def _compare(rows: pl.DataFrame, said: Footer, series: Series, span: Span) -> _Found:
    """Compare rows with the rules, with each other, with their place and with the footer."""
    doubts = _Doubts(rows)
    _doubt_broken(doubts, series)
    _doubt_outside(doubts, said.covered, span)
    distinct = _doubt_duplicates(doubts)
    if not rows["time"].is_sorted():
        doubts.add("unsorted", "rows are not in the order of time")
    whole = Spans(series.timeframe.whole(said.covered))
    if whole != said.covered:
        doubts.add("claim", f"covers parts of slots: {_text(said.covered - whole)}")
    miscounted = _miscounted(said, rows, distinct)
    if miscounted:
        doubts.add("miscounted", miscounted)
    if not doubts.problems:
        return _Found([], Trusted(rows, said))
    slot = series.timeframe
    covered = whole - Spans((slot.floor(time), slot.next(time)) for time in doubts.times)
    kept = distinct.filter(within(distinct["time"], covered)).sort("time")
    if any(problem.finding in _SHAKING for problem in doubts.problems):
        covered &= Spans((time, slot.next(time)) for time in times_of(kept))
    footer = describe(kept, covered, said.nothing_before, said.rests_on)
    return _Found(
        doubts.problems, Trusted(kept, replace(footer, archive=said.archive, taken=said.taken))
    )


def _doubt_broken(doubts: _Doubts, series: Series) -> None:
    """Ask all rules at once; only where one is broken, which rows."""
    rules = breaches(series)
    hits = doubts.rows.select(broken.any().alias(rule) for rule, broken in rules.items())
    for rule, hit in hits.row(0, named=True).items():
        if hit:
            doubts.about(_finding_of(rule), doubts.rows.filter(rules[rule]), rule)


def _finding_of(rule: str) -> str:
    words = {"symbol": "symbol", "time": "misaligned"}
    return words.get(rule.split(" ", 1)[0], "impossible")


def _doubt_duplicates(doubts: _Doubts) -> pl.DataFrame:
    """Give each row once; where two differ in one slot, neither is to be trusted."""
    times = doubts.rows["time"]
    if times.n_unique() == times.len():
        return doubts.rows
    distinct = doubts.rows.unique(maintain_order=True)
    if distinct.height < doubts.rows.height:
        doubts.add("duplicate", f"{doubts.rows.height - distinct.height} rows stand there again")
    contradicting = distinct.filter(pl.col("time").is_duplicated())
    doubts.about("contradiction", contradicting, "other values for the same time")
    return distinct


def _doubt_outside(doubts: _Doubts, covered: Spans, span: Span) -> None:
    rows, times = doubts.rows, doubts.rows["time"]
    inside = within(times, Spans([span]))
    doubts.about("overlap", rows.filter(~inside), "the time belongs into another chunk")
    uncovered = inside & ~within(times, covered)
    doubts.about("uncovered", rows.filter(uncovered), "the footer does not claim the slot")


def _miscounted(said: Footer, rows: pl.DataFrame, distinct: pl.DataFrame) -> str:
    """Compare the counts of the footer with the rows, with duplicates or without."""
    times = times_of(rows)
    ends = (times.min(), times.max())
    if said.rows in (rows.height, distinct.height) and (said.first, said.last) == ends:
        return ""
    told = _counted(said.rows, said.first, said.last)
    return f"has {_counted(rows.height, *ends)}, the footer says {told}"


def _counted(rows: int, first: object, last: object) -> str:
    if not isinstance(first, int) or not isinstance(last, int):
        return f"{rows} rows"
    return f"{rows} rows from {iso(first)} to {iso(last)}"


def _text(spans: Spans) -> str:
    first, *more = [f"{iso(start)} to {iso(end)}" for start, end in spans]
    return f"{first} and {len(more)} more spans" if more else first


def contradicted(said: Footer | None) -> Iterator[str]:
    """Tell of answers that were other than a file of the archive when that was taken in."""
    for check in said.archive.checks if said is not None else ():
        if check.first is not None:
            of = f"{check.differing} of {check.slots} slots of {iso(check.start)} to"
            yield (
                f"a file of the archive: {of} {iso(check.end)} were others in REST's answer of"
                f" {iso(check.at)}, the first is {iso(check.first)}"
            )
