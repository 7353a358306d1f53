"""The journal of a recording: lines of JSON on when the recorder listened and when not."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, get_args

from marketkit.recording.layout import JOURNAL

What = Literal["began", "joined", "left", "interrupted", "resumed", "ended"]


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that happened at `at`; times ms UTC of the exchange's clock.

    `until` is the moment after which messages may be missing, `streams` the symbols by channel
    that were listened to from `began` on, with those that `joined`, without those that `left`, or
    the only ones that were `interrupted`.
    """

    what: What
    at: int
    until: int | None = None
    reason: str = ""
    streams: Mapping[str, Sequence[str]] = field(default_factory=dict)


def write(root: Path, notes: Iterable[Note]) -> None:
    """Add notes; all are on disk when the call returns."""
    lines = "".join(f"{json.dumps(asdict(note))}\n" for note in notes)
    if not lines:
        return
    path = root / JOURNAL
    torn = _torn(path)
    with path.open("ab") as file:
        # A kill may have left half a line: it stays alone on its own.
        file.write(("\n" if torn else "").encode() + lines.encode())
        file.flush()
        os.fsync(file.fileno())


def read(root: Path) -> list[Note]:
    """Give the notes there are, in order; half a line that a kill left is none."""
    try:
        lines = (root / JOURNAL).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    found = (_note(line) for line in lines)
    return [note for note in found if note is not None]


def _note(line: bytes) -> Note | None:
    try:
        note = Note(**json.loads(line))
    except (ValueError, TypeError):
        return None
    return note if note.what in get_args(What) else None


def _torn(path: Path) -> bool:
    if not path.exists() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"
