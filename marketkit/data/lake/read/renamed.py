"""Series of markets that changed their code, joined: one row a slot, the successor's word first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from marketkit import symbols as naming
from marketkit.coverage import Span, Spans
from marketkit.data.lake.read.candles import row
from marketkit.data.lake.read.decimals import to_decimals
from marketkit.data.lake.read.fill import blocks_of, dense, not_known
from marketkit.data.lake.read.view import View
from marketkit.data.lake.store.scan import scan
from marketkit.data.lake.store.store import Selection
from marketkit.errors import InputError, NotCovered, warn
from marketkit.schema import CANDLE, STATE, Schema, empty
from marketkit.timeframe import Timeframe, iso
from marketkit.window import EVER, Fill

RENAMED: Schema = {**CANDLE, "listed_as": pl.String()}


class Part(NamedTuple):
    """The slots of one code: with proof, and known in any way."""

    covered: Spans
    known: Spans


class Renames:
    """The codes that markets had, and the code that each goes on under.

    Raises `InputError` for a code that goes on under two, for codes that go round in a circle or
    are priced in different currencies, and for a glob.
    """

    def __init__(self, rename: Mapping[str, str]) -> None:
        if not isinstance(rename, Mapping):
            raise InputError(
                f"rename={rename!r}: give old and new codes, {{'KRW-MATIC': 'KRW-POL'}}"
            )
        self._next: dict[str, str] = {}
        for old, new in rename.items():
            before, after = _code(old), _code(new)
            if self._next.setdefault(before, after) != after:
                raise InputError(f"rename: {before} goes on as {self._next[before]} and as {after}")
            if before.partition("-")[0] != after.partition("-")[0]:
                raise InputError(f"rename: {before} and {after} are priced in different currencies")
        for old in self._next:
            self.heir(old)

    def heir(self, symbol: str) -> str:
        """Give the newest code of a market."""
        way = [symbol]
        while (after := self._next.get(way[-1])) is not None:
            if after in way:
                raise InputError(f"rename goes round in a circle: {' -> '.join([*way, after])}")
            way.append(after)
        return way[-1]

    def line(self, heir: str) -> list[str]:
        """Give all codes of a market, the newest first."""
        found = [heir]
        for each in found:  # grows meanwhile
            found += [old for old, new in self._next.items() if new == each]
        return found

    def lines(self, symbols: Iterable[str]) -> dict[str, list[str]]:
        """Give the codes of each market that is meant, by the newest, sorted."""
        return {heir: self.line(heir) for heir in sorted({self.heir(each) for each in symbols})}


def joined(rows: pl.DataFrame, parts: Mapping[str, Part], line: Sequence[str]) -> pl.DataFrame:
    """Join the rows of the codes of a market; where two have a slot, the newer code's counts.

    Columns are those of `rows` and `listed_as`, the code under which a row was listed.
    """
    frames: list[pl.DataFrame] = []
    taken = Spans()
    for code in line:
        own = rows.filter(pl.col("symbol") == code)
        own = own.filter(~_inside(own["time"], taken))
        for newer in frames:
            own = own.join(newer, on="time", how="anti")
        names = {"symbol": pl.lit(line[0]), "listed_as": pl.lit(code)}
        frames.append(own.with_columns(**names))
        taken |= parts[code].covered if code in parts else Spans()
    return pl.concat(frames).sort("time")


def unknown(parts: Mapping[str, Part], line: Sequence[str], span: Span) -> Spans:
    """Give the slots without proof of any code, but for slots that all codes lack for good."""
    nothing = Part(Spans(), Spans())
    found = [parts.get(code, nothing) for code in line]
    left = Spans([span])
    absent = Spans([span])
    for part in found:
        left -= part.covered
        absent &= part.known
    return left - absent


def doubled(
    timeframe: Timeframe, parts: Mapping[str, Part], line: Sequence[str], span: Span
) -> str | None:
    """Say which slots more than one code has, or None."""
    taken = parts[line[0]].covered if line[0] in parts else Spans()
    for code in line[1:]:
        own = parts[code].covered if code in parts else Spans()
        both = (own & taken).clip(timeframe.ceil(span.start), timeframe.ceil(span.end))
        if (hull := both.hull) is not None:
            return (
                f"{line[0]} and {code} both have {timeframe.count_all(both):,} slots of {timeframe}"
                f" from {iso(hull.start)} to {iso(hull.end)}: those of the newer code are given"
            )
        taken |= own
    return None


def scan_renamed(
    found: Selection,
    lines: Mapping[str, Sequence[str]],
    window: Span,
    fill: Fill,
    *,
    exact: bool = False,
) -> pl.LazyFrame:
    """Scan joined series, sorted by symbol and time; as `fill` says, proved slots are filled.

    With `exact` numbers are decimals. Warns of slots that two codes have. Raises `NotCovered` for
    slots to be filled that nobody asked about.
    """
    state: Schema = {} if fill == "none" else {"state": STATE}
    shape = {**row(exact=exact), **state, "listed_as": pl.String()}
    frames, view = [empty(shape).lazy()], View.plain(found)
    for heir, line in lines.items():
        parts = parts_of(view, line)
        span = _within(parts, window)
        if (said := doubled(found.timeframe, parts, line, span)) is not None:
            warn(said)
        if fill != "none":
            _require(found.timeframe, parts, line, span)
        for piece, code in _pieces(parts, line, span):
            rows = scan(found.of([code]).files(piece))
            rows = to_decimals(rows) if exact else rows
            if fill != "none":
                rows = dense(rows, blocks_of(view, code, piece, exact=exact), fill)
            frames.append(rows.with_columns(symbol=pl.lit(heir), listed_as=pl.lit(code)))
    return pl.concat(frames)


def parts_of(view: View, codes: Iterable[str]) -> dict[str, Part]:
    """Look up the slots of some codes in a lake."""
    known = {code: view.known(code) for code in codes}
    return {
        code: Part(each.covered, each.covered | each.absent(*EVER)) for code, each in known.items()
    }


def _pieces(
    parts: Mapping[str, Part], line: Sequence[str], span: Span
) -> Iterator[tuple[Span, str]]:
    """Cut a range by the code that has the word, in the order of time."""
    taken, older = parts[line[0]].covered, []
    for code in line[1:]:
        older += [(piece, code) for piece in (parts[code].covered - taken).clip(*span)]
        taken |= parts[code].covered
    rest = Spans([span]) - Spans(piece for piece, _ in older)
    yield from sorted([*older, *((piece, line[0]) for piece in rest)])


def _within(parts: Mapping[str, Part], window: Span) -> Span:
    """Bound an open range by the covered slots."""
    hull = Spans(span for part in parts.values() for span in part.covered).hull or Span(0, 0)
    start = hull.start if window.start == EVER.start else window.start
    end = hull.end if window.end == EVER.end else window.end
    return Span(start, max(start, end))


def _require(
    timeframe: Timeframe, parts: Mapping[str, Part], line: Sequence[str], span: Span
) -> None:
    missing = unknown(parts, line, Span(timeframe.ceil(span.start), timeframe.ceil(span.end)))
    if missing:
        raise NotCovered(not_known(" or ".join(line), timeframe, missing))


def _inside(times: pl.Series, spans: Spans) -> pl.Series:
    """Mark the times inside of the spans."""
    edges = pl.Series([edge for span in spans for edge in span], dtype=pl.Int64)
    return edges.search_sorted(times.cast(pl.Int64), side="right") % 2 == 1


def _code(symbol: str) -> str:
    (code,) = naming.typed([symbol], slips=False)
    if naming.is_glob(code):
        raise InputError(f"rename: {symbol!r} is a glob; name one code")
    return code
