"""A recording that was killed, made whole before the next one begins."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from marketkit.recording import files, journal
from marketkit.recording.files import Damaged
from marketkit.recording.journal import Note


def recover(root: Path) -> list[Damaged]:
    """Make the parts of every hour one file, and note the end that a killed recorder had.

    Damaged files are set aside, noted in the journal, and given: the recording goes on.
    """
    last, broken = 0, []
    for channel in files.channels(root):
        found = files.hours(root, channel)
        for hour in found:
            broken += files.compact(root, hour)
        if found:
            last = max(last, files.last_received(root, found[-1]))
    journal.write(root, notes_of(broken))
    notes = journal.read(root)
    told = [note for note in notes if note.what != "damaged"]
    # Damaged lines at the end may have told of another beginning.
    unended = any(note.at == journal.UNENDED for note in notes)
    if unended or (told and told[-1].what != "ended"):
        ended = Note("ended", max([last, *(note.at for note in told[-1:])]), reason="killed")
        journal.write(root, [ended])
    return broken


def notes_of(broken: Iterable[Damaged]) -> list[Note]:
    """Note for each damaged file the times of which messages may be missing."""
    return [
        Note("damaged", each.span.end, each.span.start, f"{each.path} {each.fault}")
        for each in broken
    ]
