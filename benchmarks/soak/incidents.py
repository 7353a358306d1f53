"""Incidents: each is told once, by whoever it concerns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from benchmarks.soak.events import BREAKS, ENDED, LISTED
from marketkit.timeframe import MINUTE, parse_time

if TYPE_CHECKING:
    from benchmarks.soak import Soak
    from benchmarks.soak.events import Incident
    from benchmarks.soak.judge import Told

_CLOSED = ("maintenance", "away")
_BRIDGED = 20_000  # ms of a closure that the attempts at one request may outlast
# ms by which an interruption may begin before the order of what is behind it, when the newest
# candle was sent; or after it: an order waits for a connection and a message.
_EARLY, _LATE = 40_000, 90_000
_BEFORE = 5_000  # ms that an interruption may begin before what is behind it: two looks, and more
# A busy machine opens slowly, and says so: nothing that the exchange did.
_OPENING = ("nothing had come yet", "nothing came for the first", "nobody listened before")
_TAIL = 60.0  # seconds after a closure until calls that began in it have failed


def checks(soak: Soak, told: Told) -> Iterator[tuple[Any, ...]]:
    """Compare what happened with what handles and the log say."""
    breaks = [each for each in soak.exchange.incidents if each.kind in (*BREAKS, *_CLOSED)]
    for name, rows in told.handles["interruptions"].items():
        yield _breaks(name, breaks, rows, soak.speed)
    yield _ended(told)
    yield _listed(told)
    yield from _late(soak, told)
    yield from _frames(soak, told)
    yield _outages(soak, told)


def closures(soak: Soak) -> list[tuple[float, float]]:
    """Give the times, by this machine's clock, in which calls may fail."""
    return [(start, end + _TAIL) for start, end in soak.exchange.closed]


def _whole(row: dict[str, Any]) -> bool:
    """Whether an interruption is of a whole stream, and not of a market or a message."""
    return not any(word in row["reason"] for word in ("KRW-", "late candle", "cannot be read"))


def _opening(row: dict[str, Any]) -> bool:
    return row["reason"].startswith(_OPENING)


def _breaks(
    name: str, breaks: list[Incident], rows: list[dict[str, Any]], speed: float
) -> tuple[Any, ...]:
    """Find exactly one interruption for each break, in their order, and no other."""
    starts = sorted(row["start"] for row in rows if _whole(row) and not _opening(row))
    # Who heard nothing since the break before lacks everything since then.
    before = [breaks[0], *breaks] if breaks else []
    away = [
        f"{each.kind} by {(start - each.start) / 1000:+.0f} s"
        for each, last, start in zip(breaks, before, starts, strict=False)
        if start > each.start + _LATE * speed
        or start < (last if each.start - last.end < _LATE * speed else each).start - _EARLY * speed
    ]
    once = len(starts) == len(breaks) and not away
    said = f"{len(starts)} for {len(breaks)}{'; ' if away else ''}{', '.join(away[:4])}"
    return f"breaks, silences, closures told by {name}", "each once", said, once


def _ended(told: Told) -> tuple[Any, ...]:
    logged = sum(f"{ENDED} has ended" in line["text"] for line in told.log)
    handles = [
        sum(f"{ENDED} has ended" in row["reason"] for row in rows)
        for rows in told.handles["interruptions"].values()
    ]
    gone = all(ENDED not in symbols for symbols in told.handles["symbols"].values())
    said = f"log {logged}, handles {' '.join(map(str, handles))}"
    return "the market that ended, told", "each once", said, gone and {logged, *handles} == {1}


def _listed(told: Told) -> tuple[Any, ...]:
    logged = sum(f"taken in: {LISTED}" in line["text"] for line in told.log)
    joined = [LISTED in told.handles["symbols"][name] for name in ("tickers", "books")]
    said = f"log {logged}, joined {sum(joined)} of 2"
    return "the market that was listed, told", "once a feed", said, logged == 2 and all(joined)


def _late(soak: Soak, told: Told) -> Iterator[tuple[Any, ...]]:
    """Find one row for each time that `live` took back the numbers of a final candle.

    Many a candle that comes late takes back nothing: around a break, and in the minute in which a
    quiet market is heard again, `live` has asked for the numbers before it calls them final. A
    minute whose only candle comes late was empty until then, and of that there is no word.
    """
    first = soak.start // MINUTE * MINUTE
    due = Counter({slot: count for slot, count in _taken_back(soak).items() if slot[1] >= first})
    rows = [row for row in told.handles["interruptions"]["live"] if _is_late(row)]
    slots = [(row["reason"].rsplit(" ", 1)[-1], row["start"]) for row in rows]
    said = Counter(slot for slot in slots if slot[1] >= first)
    late = list(_late_candles(soak))
    only = Counter({(symbol, slot): 1 for symbol, slot, alone in late if alone})
    due += only & (said - due)
    words = f"{len(late)} came, {due.total()} corrected something"
    words += f", {(due & said).total()} of them told, {said.total()} in all"
    yield "late candles told", "each once", words, due == said


def _taken_back(soak: Soak) -> Counter[tuple[str, int]]:
    """Count, of each slot, the words of `live` that have other numbers than the word before."""
    last: dict[tuple[str, int], list[float]] = {}
    changes: Counter[tuple[str, int]] = Counter()
    with (soak.folder / "words.jsonl").open() as file:
        for symbol, slot, *numbers in map(json.loads, file):
            key = symbol, slot
            changes[key] += last.get(key, numbers) != numbers
            last[key] = numbers
    return +changes


def _is_late(row: dict[str, Any]) -> bool:
    return "late candle" in row["reason"]


def _late_candles(soak: Soak) -> Iterator[tuple[str, int, bool]]:
    """Find in the words of the witness each candle that came after the next one began.

    Gives also whether nothing had come of the minute before.
    """
    newest: dict[str, int] = {}
    begun: set[tuple[str, int]] = set()
    with (soak.folder / "sent.tsv").open() as file:
        for line in file:
            _, text = line.split("\t", 1)
            if not text.startswith('{"type":"candle'):
                continue
            candle = json.loads(text)
            symbol, slot = candle["code"], parse_time(candle["candle_date_time_utc"] + "Z")
            if slot < newest.get(symbol, 0):
                yield symbol, slot, (symbol, slot) not in begun
            begun.add((symbol, slot))
            newest[symbol] = max(slot, newest.get(symbol, 0))


def _frames(soak: Soak, told: Told) -> Iterator[tuple[Any, ...]]:
    faults, stream = soak.stats["faults"], told.handles["stream"]
    pairs = {
        "frames that are no JSON": ("odd-frame", stream["wrong"]),
        "frames of an unknown type": ("unknown-frame", sum(stream["unknown"].values())),
        "frames of the future": ("future-frame", stream["ahead"]),
    }
    for name, (kind, counted) in pairs.items():
        yield f"{name}, counted", str(faults[kind]), str(counted), counted == faults[kind]


def _outages(soak: Soak, told: Told) -> tuple[Any, ...]:
    """Find one outage in a job for each closure between two of its requests, and no other."""
    jobs, lag = told.handles["jobs"], _BEFORE * soak.speed
    closed = [each for each in soak.exchange.incidents if each.kind in _CLOSED]
    met = [
        (job, each) for job in jobs for each in closed
        if any(each.start - lag < at < each.start for at in job["asked"])
        and any(at > each.end for at in job["asked"])
        and each.end - each.start > _BRIDGED * soak.speed
    ]  # fmt: skip
    told_of = [
        sum(each.start - lag <= row["start"] <= each.end for row in job["interruptions"])
        for job, each in met
    ]
    rows = sum(len(job["interruptions"]) for job in jobs)
    said = f"{sum(told_of)} of {len(met)} that met a job at work, {rows} in all"
    fine = all(count == 1 for count in told_of) and rows <= len(closed)
    return "closures told by jobs", "each once", said, fine
