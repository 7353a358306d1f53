"""The journal of a recording: lines of JSON on when the recorder listened and when not.

What a line says is checked before anybody uses it. A damaged line may have told of anything: it
counts as a note that messages may be missing between the notes around it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, get_args

from marketkit.disk import write_atomic
from marketkit.errors import CorruptFile, NotWritable
from marketkit.recording.layout import JOURNAL

What = Literal["began", "joined", "left", "interrupted", "resumed", "ended", "damaged"]

_KINDS = frozenset(get_args(What))
_DAMAGED = "a line of the journal is damaged"
_LAST = 253_402_300_800_000  # ms UTC of the year 10000: no frame holds later times


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that happened at `at`; times ms UTC of the exchange's clock.

    `until` is the moment after which messages may be missing, `streams` the symbols by channel
    that were listened to from `began` on, with those that `joined`, without those that `left`, or
    the only ones that were `interrupted`. `damaged` tells of a file that was set aside: messages
    from `until` to `at` may be missing, wherever among the notes it stands.
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
    if path.is_symlink():
        raise NotWritable(f"{path} is a link: a recording writes to files of its own only")
    torn = _torn(path)
    with path.open("ab") as file:
        # A kill may have left half a line: it stays alone on its own.
        file.write(("\n" if torn else "").encode() + lines.encode())
        file.flush()
        os.fsync(file.fileno())


def read(root: Path) -> list[Note]:
    """Give the notes there are, in order; half a line that a kill left is none.

    Raises `CorruptFile` for a journal that cannot be read at all.
    """
    notes: list[Note] = []
    since: int | None = None  # a damaged line came since this moment
    for line in _lines(root / JOURNAL):
        note = _note(line)
        if note is not None:
            if since is not None:
                notes.append(Note("damaged", max(since, note.at), since, _DAMAGED))
            since = None
            notes.append(note)
        elif since is None and _is_damaged(line):
            since = notes[-1].at if notes else 0
    if since is not None:
        notes.append(Note("damaged", since, since, _DAMAGED))
    return notes


def damaged(root: Path) -> list[bytes]:
    """Give the lines of the journal that are damaged."""
    return [line for line in _lines(root / JOURNAL) if _is_damaged(line)]


def mend(root: Path) -> None:
    """Write the journal without damaged lines, but with notes of what these may have told."""
    content = "".join(f"{json.dumps(asdict(note))}\n" for note in read(root)).encode()
    write_atomic(root / JOURNAL, lambda file: file.write(content))


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CorruptFile(f"{path} cannot be read: {error}") from error


def _note(line: bytes) -> Note | None:
    try:
        note = Note(**json.loads(line))
    except (ValueError, TypeError, RecursionError):
        return None
    return note if _is_sound(note) else None


def _is_damaged(line: bytes) -> bool:
    """Say whether a line was whole once: half a line of a kill has no end, and is a beginning."""
    try:
        json.loads(line)
    except RecursionError:
        return True
    except ValueError:
        return bool(line) and not (line.startswith(b'{"what": "') and not line.endswith(b"}"))
    return False  # a note of a later release, or nobody's


def _is_sound(note: Note) -> bool:
    times = (note.at, 0 if note.until is None else note.until)
    sound = all(type(each) is int and 0 <= each < _LAST for each in times)
    texts = isinstance(note.what, str) and isinstance(note.reason, str)
    return sound and texts and note.what in _KINDS and _are_streams(note.streams)


def _are_streams(streams: object) -> bool:
    return isinstance(streams, dict) and all(
        isinstance(several, list) and all(isinstance(each, str) for each in several)
        for several in streams.values()
    )


def _torn(path: Path) -> bool:
    if not path.exists() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"
