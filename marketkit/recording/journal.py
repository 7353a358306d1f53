"""The journal of a recording: lines of JSON on when the recorder listened and when not.

What a line says is checked before anybody uses it. After the notes of a write comes a line with the
SHA-256 of their lines, which older readers pass over. A damaged line may have told of anything: it
counts as a note that messages may be missing between the notes around it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, get_args

from marketkit.disk import write_atomic
from marketkit.errors import CorruptFile, NotWritable
from marketkit.recording.layout import JOURNAL

What = Literal["began", "joined", "left", "interrupted", "resumed", "ended", "damaged"]

_SUM = "sum"
_SEAL = re.compile(rb'\{"what": "sum", "at": 0, "reason": "([0-9]{1,6}) ([0-9a-f]{64})"\}')
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
    lines = _spelt(notes)
    if not lines:
        return
    path = root / JOURNAL
    if path.is_symlink():
        raise NotWritable(f"{path} is a link: a recording writes to files of its own only")
    torn = _torn(path)
    with path.open("ab") as file:
        # A kill may have left half a line: it stays alone on its own.
        file.write((b"\n" if torn else b"") + lines)
        file.flush()
        os.fsync(file.fileno())


def read(root: Path) -> list[Note]:
    """Give the notes there are, in order; half a line that a kill left is none.

    Raises `CorruptFile` for a journal that cannot be read at all.
    """
    notes: list[Note] = []
    since: int | None = None  # a damaged line came since this moment
    for line, whole in _checked(root / JOURNAL):
        note = _note(line) if whole else None
        if note is not None:
            if since is not None:
                notes.append(Note("damaged", max(since, note.at), since, _DAMAGED))
            since = None
            notes.append(note)
        elif since is None and not (whole and _is_harmless(line)):
            since = notes[-1].at if notes else 0
    if since is not None:
        notes.append(Note("damaged", since, since, _DAMAGED))
    return notes


def damaged(root: Path) -> int:
    """Count the lines of the journal that are damaged."""
    lines = _checked(root / JOURNAL)
    return sum(not (whole and (_note(line) or _is_harmless(line))) for line, whole in lines)


def mend(root: Path) -> None:
    """Write the journal without damaged lines, but with notes of what these may have told."""
    content = _spelt(read(root))
    write_atomic(root / JOURNAL, lambda file: file.write(content))


def _spelt(notes: Iterable[Note]) -> bytes:
    """Spell notes, and the line that seals them."""
    lines = [f"{json.dumps(asdict(note))}\n".encode() for note in notes]
    if not lines:
        return b""
    said = {"what": _SUM, "at": 0, "reason": f"{len(lines)} {_hash(lines)}"}
    return b"".join([*lines, json.dumps(said).encode(), b"\n"])


def _checked(path: Path) -> Iterator[tuple[bytes, bool]]:
    """Give the lines of notes, and whether each is as it was written, as far as that was sealed."""
    before: list[bytes] = []
    for line in filter(None, _lines(path)):
        found = _SEAL.fullmatch(line)
        if found is None:
            before.append(line)
            continue
        count = min(len(before), int(found[1]))
        first = len(before) - count
        whole = _hash(each + b"\n" for each in before[first:]) == found[2].decode()
        yield from ((each, whole or at < first) for at, each in enumerate(before))
        before = []
    yield from ((each, True) for each in before)


def _hash(lines: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(lines)).hexdigest()


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


def _is_harmless(line: bytes) -> bool:
    """Say whether a line that is no note took none away.

    It is a note of a later release, or half a line of a kill: the beginning of one, without an end.
    """
    try:
        json.loads(line)
    except RecursionError:
        return False
    except ValueError:
        return line.startswith(b'{"what": "') and not line.endswith(b"}")
    return True


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
