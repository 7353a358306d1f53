"""Times in which a recording lacks no message of a market, by the journal. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from marketkit.coverage import Spans
from marketkit.recording.journal import Note
from marketkit.window import EVER

Hole = tuple[int, int | None, str]  # as `reader.interruptions` gives them


def listened(
    notes: Sequence[Note],
    holes: Callable[[list[Note]], Iterable[Hole]],
    channel: str,
    symbol: str,
    end: int,
) -> Spans:
    """Give the times in which a market's channel was recorded without an interruption, ms UTC.

    `holes` gives the interruptions that notes tell of. `end` is up to when the files have all that
    a recording at work has heard: see `reach`.
    """
    found, since = list[tuple[int, int]](), None
    for note in notes:
        named = symbol in note.streams.get(channel, ())
        if note.what in {"began", "joined"} and named:
            since = note.at if since is None else since
        elif since is not None and (note.what == "ended" or (note.what == "left" and named)):
            found.append((since, note.at))
            since = None
    if since is not None:
        found.append((since, max(since, end)))
    told = holes(notes_of_market(notes, channel, symbol))
    missing = Spans((start, EVER.end if until is None else until) for start, until, _ in told)
    return Spans(found) - missing


def notes_of_market(notes: Iterable[Note], channel: str, symbol: str) -> list[Note]:
    """Leave out the interruptions of other markets alone, each with the resumption behind it."""
    found: list[Note] = []
    other = False
    for note in notes:
        if other and note.what == "resumed":
            other = False
            continue
        theirs = bool(note.streams) and symbol not in note.streams.get(channel, ())
        other = note.what == "interrupted" and theirs
        if not other:
            found.append(note)
    return found


def recorded_symbols(notes: Iterable[Note], channel: str) -> list[str]:
    """Name the markets whose channel was recorded at some time."""
    return sorted({name for note in notes for name in note.streams.get(channel, ())})
