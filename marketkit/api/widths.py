"""Candles of several widths in one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace

import polars as pl

from marketkit.api.query import Note, Query, Result, Source
from marketkit.errors import MarketkitError, UnknownTimeframe
from marketkit.frames import with_timeframe
from marketkit.timeframe import HOUR, MADE, TIMEFRAMES, Timeframe, parse_timeframe
from marketkit.window import UTC_DAYS

Timeframes = str | Iterable[str]


def widths_of(timeframe: Timeframes | Timeframe) -> tuple[list[Timeframe], bool]:
    """Give the widths that a caller names, narrow ones first, and whether there may be several."""
    if isinstance(timeframe, str | Timeframe) or not isinstance(timeframe, Iterable):
        return [parse_timeframe(timeframe, made=True)], False
    widths = {parse_timeframe(each, made=True) for each in timeframe}
    if not widths:
        known = " ".join([*TIMEFRAMES, *MADE])
        raise UnknownTimeframe(f"no timeframe: the list is empty (some of {known})")
    return sorted(widths, key=lambda each: each.width), True


def session_for(
    width: Timeframe, widths: Iterable[Timeframe], session: str | None, default: str
) -> str:
    """Give the session of one width: below an hour days have no beginning.

    A session that a caller gives is left out there only beside wider candles that it is for, and
    then only; a default one always.
    """
    wider = any(each.width >= HOUR for each in widths)
    if width.width < HOUR and (session is None or wider):
        return UTC_DAYS
    return default if session is None else session


def joined(queries: Mapping[str, Query]) -> Query:
    """Make one query of several, one for each width; a column `timeframe` tells candles apart."""
    first = next(iter(queries.values()))

    async def fetch() -> Result:
        if first.sends:
            answers = await asyncio.gather(*map(answered, queries.values()))
        else:  # in the caller's own thread, without a loop
            answers = [await answered(query) for query in queries.values()]
        return merged(dict(zip(queries, answers, strict=True)))

    def recall() -> Result | None:
        known = {name: query.recall() for name, query in queries.items()}
        found = {name: result for name, result in known.items() if result is not None}
        return merged(found) if len(found) == len(queries) else None

    return replace(first, fetch=fetch, recall=recall)


async def answered(query: Query) -> Result:
    """Answer a query from memory, or else ask."""
    known = query.recall()
    return await query.fetch() if known is None else known


def merged(results: Mapping[str, Result]) -> Result:
    """Put the answers for each width together, sorted by symbol, width and time.

    Of a symbol the older answer counts, and one of the exchange before all others; a symbol that
    failed in one width has failed, and keeps the rows of the others.
    """
    frames = [with_timeframe(result.frame, name) for name, result in results.items()]
    failures: dict[str, MarketkitError] = {}
    left: dict[str, MarketkitError] = {}
    derived: dict[str, str] = {}
    for result in results.values():
        failures |= result.failures
        left |= result.left
        for symbol, names in result.derived.items():
            both = f"{derived[symbol]}, {names}" if symbol in derived else names
            derived[symbol] = ", ".join(dict.fromkeys(both.split(", ")))
    return Result(
        pl.concat(frames).sort("symbol", "timeframe", "time"),
        _sources(results.values(), failures),
        failures,
        derived=derived,
        notes=_notes(results.values()),
        left=left,
    )


def _sources(
    results: Iterable[Result], failures: Mapping[str, MarketkitError]
) -> dict[tuple[Source, int], list[str]]:
    oldest: dict[str, tuple[Source, int]] = {}
    for result in results:
        for (source, made), names in result.sources.items():
            for name in names:
                before, moment = oldest.get(name, (source, made))
                oldest[name] = "rest" if "rest" in {before, source} else source, min(made, moment)
    found: dict[tuple[Source, int], list[str]] = {}
    for name, key in sorted(oldest.items()):
        if name not in failures:
            found.setdefault(key, []).append(name)
    return found


def _notes(results: Iterable[Result]) -> dict[str, Note]:
    notes: dict[str, Note] = {}
    for result in results:
        for symbol, note in result.notes.items():
            before = notes.get(symbol, note)
            text = note.text if before.text == note.text else f"{before.text}; {note.text}"
            notes[symbol] = Note(text, before.lacking or note.lacking)
    return notes
