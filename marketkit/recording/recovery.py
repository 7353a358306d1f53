"""A recording that was killed, made whole before the next one begins."""

from __future__ import annotations

from pathlib import Path

from marketkit.recording import files, journal
from marketkit.recording.journal import Note


def recover(root: Path) -> None:
    """Make the parts of every hour one file, and note the end that a killed recorder had."""
    last = 0
    for channel in files.channels(root):
        found = files.hours(root, channel)
        for hour in found:
            files.compact(root, hour)
        if found:
            last = max(last, files.last_received(root, found[-1]))
    notes = journal.read(root)
    if notes and notes[-1].what != "ended":
        ended = Note("ended", max(last, notes[-1].at), reason="killed")
        journal.write(root, [ended])
