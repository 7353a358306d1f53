"""A recording that was killed, made whole before the next one begins."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from marketkit.recording import files, journal
from marketkit.recording.files import Damaged
from marketkit.recording.journal import Note
from marketkit.recording.reach import heard_until

_KILLED = "killed"


def recover(root: Path) -> list[Damaged]:
    """Make the parts of every hour one file, and note the end that a killed recorder had.

    Damaged files are set aside, noted in the journal, and given: the recording goes on.
    """
    _end(root)  # first, for once they are one file nobody sees any more how far the parts reach
    broken = [
        each
        for channel in files.channels(root)
        for hour in files.hours(root, channel)
        for each in files.compact(root, hour)
    ]
    journal.write(root, notes_of(broken))
    return broken


def _end(root: Path) -> None:
    """Note the end of a recording without one, and before that the messages never written."""
    notes = journal.read(root)
    told = [note for note in notes if note.what != "damaged"]
    # Damaged lines at the end may have told of another beginning.
    unended = any(note.at == journal.UNENDED for note in notes)
    if not unended and (not told or told[-1].what == "ended"):
        return
    until = heard_until(root)
    at = max([until, *(note.at for note in told[-1:])])
    since = max([until, *(note.at for note in told if note.what == "began")])
    lost = [Note("damaged", at, since, _KILLED)] if since < at else []
    journal.write(root, [*lost, Note("ended", at, reason=_KILLED)])


def notes_of(broken: Iterable[Damaged]) -> list[Note]:
    """Note for each damaged file the times of which messages may be missing."""
    return [
        Note("damaged", each.span.end, each.span.start, f"{each.path} {each.fault}")
        for each in broken
    ]
