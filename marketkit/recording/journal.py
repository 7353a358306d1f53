"""The journal of a recording: lines of JSON on when the recorder listened and when not.

Each line ends with a sum over itself, and what it says is checked before anybody uses it. A damaged
line may have told of anything: it counts as a note that messages may be missing between the notes
around it. Lines of releases before have no sum.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal, get_args

from marketkit.disk import sync_folder, write_atomic
from marketkit.errors import CorruptFile, NotWritable
from marketkit.recording.layout import JOURNAL

What = Literal["began", "joined", "left", "interrupted", "resumed", "ended", "damaged"]

_SUMMED = re.compile(rb'(.*), "sum": "([0-9a-f]{16})"\}', re.DOTALL)
_PLAIN = re.compile(rb"[ -~]*")  # all bytes of our lines
_WHOLE = re.compile(rb'"sum": "[0-9a-f]{16}"')
_KINDS = frozenset(get_args(What))
_DAMAGED = "a line of the journal is damaged"
_LAST = 253_402_300_800_000  # ms UTC of the year 10000: no frame holds later times
UNENDED = _LAST - 1  # when a gap ends after which no note came yet


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


_FIELDS = frozenset(each.name for each in fields(Note)) | {"sum"}
_LIKE_OURS = 3  # fields of six: more than a line of another kind has, fewer than a bit or two spoil


def write(root: Path, notes: Iterable[Note]) -> None:
    """Add notes; all are on disk when the call returns."""
    lines = b"".join(map(_spelt, notes))
    if not lines:
        return
    path = root / JOURNAL
    if path.is_symlink():
        raise NotWritable(f"{path} is a link: a recording writes to files of its own only")
    torn, new = _torn(path), not path.exists()
    with path.open("ab") as file:
        # A kill may have left half a line: it stays alone on its own.
        file.write((b"\n" if torn else b"") + lines)
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(root)


def read(root: Path) -> list[Note]:
    """Give the notes there are, in order; half a line that a kill left is none.

    A gap of damaged lines at the end lasts until `UNENDED`. Raises `CorruptFile` for a journal that
    cannot be read at all.
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
        elif since is None and not _is_harmless(line):
            since = notes[-1].at if notes else 0
    if since is not None:
        notes.append(Note("damaged", UNENDED, since, _DAMAGED))
    return notes


def damaged(root: Path) -> int:
    """Count the lines of the journal that are damaged."""
    lines = _lines(root / JOURNAL)
    return sum(_note(line) is None and not _is_harmless(line) for line in lines)


def mend(root: Path) -> None:
    """Write the journal with notes of possible gaps in the place of damaged lines."""
    content = b"".join(map(_spelt, read(root)))
    write_atomic(root / JOURNAL, lambda file: file.write(content))


def _spelt(note: Note) -> bytes:
    """Spell a note as a line that ends with a sum."""
    said = json.dumps(asdict(note)).encode()
    return said[:-1] + b', "sum": "' + _sum(said) + b'"}\n'


def _sum(said: bytes) -> bytes:
    return hashlib.sha256(said).hexdigest()[:16].encode()


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CorruptFile(f"{path} cannot be read: {error}") from error


def _note(line: bytes) -> Note | None:
    """Understand a line; None for one that is no note, or does not fit the sum."""
    summed = _SUMMED.fullmatch(line)
    said = line if summed is None else summed[1] + b"}"
    if summed is not None and _sum(said) != summed[2]:
        return None
    try:
        note = Note(**json.loads(said))
    except (ValueError, TypeError, RecursionError):
        return None
    return note if _is_sound(note) else None


def _is_harmless(line: bytes) -> bool:
    """Say whether a line that is no note took none away.

    It is empty, of another kind than ours, or half a line of a kill: the beginning of one.
    """
    try:
        said = json.loads(line)
    except RecursionError:
        return False
    except ValueError:
        begun = line.startswith(b'{"what": "') and not line.endswith(b"}")
        plain = _PLAIN.fullmatch(line) is not None
        return not line or (begun and plain and _WHOLE.search(line) is None)
    if _SUMMED.fullmatch(line):
        return False
    if not isinstance(said, dict):
        return True
    return not (_is_ours(said.get("what")) or len(said.keys() & _FIELDS) >= _LIKE_OURS)


def _is_ours(what: object) -> bool:
    return isinstance(what, str) and what in _KINDS


def _is_sound(note: Note) -> bool:
    times = (note.at, 0 if note.until is None else note.until)
    sound = all(type(each) is int and 0 <= each < _LAST for each in times)
    texts = _is_ours(note.what) and isinstance(note.reason, str)
    return sound and texts and _are_streams(note.streams)


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
