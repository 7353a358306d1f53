"""Recordings looked at and mended: every byte compared, damaged files set aside.

As of a lake, nothing is thrown away: damaged files lie under `corrupt/` as they were, and the
journal says from when to when messages may be missing since.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from marketkit.errors import CorruptFile, LakeError, NotWritable
from marketkit.recording import damage, files, journal
from marketkit.recording.layout import JOURNAL, LOCK, Hour
from marketkit.recording.recovery import recover


class Fault(NamedTuple):
    """One fault of a recording, and the action of `mend`, in the words of a lake's audit.

    `path` is below the folder of the recording.
    """

    path: str
    finding: str
    detail: str
    action: str


def is_recording(folder: Path) -> bool:
    """Say whether a folder has a recording."""
    return (folder / JOURNAL).exists() or any(True for _ in _hours(folder))


def recordings(folder: Path) -> list[Path]:
    """List the recordings that lie in a folder, or two folders down at most."""
    below = {path.parent for level in ("*", "*/*") for path in folder.glob(f"{level}/{JOURNAL}")}
    return sorted({each for each in {folder, *below} if _is_open_recording(each)})


def look(root: Path) -> list[Fault]:
    """Look at every byte of a recording; no fault hides another, and nothing is changed."""
    found = [*_of_journal(root)]
    try:
        for hour in _hours(root):
            found += _of_hour(root, hour)
    except OSError as error:  # a folder that this user may not read
        found.append(Fault(".", "unreadable", f"cannot be read: {error}", "left"))
    return found


def mend(root: Path) -> list[Fault]:
    """Mend each fault that `look` finds, as far as that takes no guessing.

    Raises `LakeError` while somebody records, and `NotWritable`.
    """
    try:
        with FileLock(root / LOCK, timeout=0, thread_local=False):
            found = look(root)
            # First the note of the end, which ends a gap of damaged lines, too.
            if any(each.action != "left" for each in found):
                recover(root)
            if any(each.action == "mended" for each in found):
                journal.mend(root)
    except Timeout as error:
        raise LakeError(f"somebody records to {root}: nothing was mended") from error
    except OSError as error:
        raise NotWritable(f"the recording {root} cannot be written: {error}") from error
    return found


def _is_open_recording(folder: Path) -> bool:
    try:
        return is_recording(folder)
    except OSError:  # a folder of somebody else's, in which nobody may look
        return False


def _hours(root: Path) -> Iterator[Hour]:
    for channel in files.channels(root):
        yield from files.hours(root, channel)


def _of_journal(root: Path) -> Iterator[Fault]:
    try:
        count = journal.damaged(root)
    except CorruptFile as error:
        yield Fault(JOURNAL, "corrupt", str(error), "left")
        return
    if count:
        yield Fault(JOURNAL, "corrupt", f"{count} damaged lines", "mended")


def _of_hour(root: Path, hour: Hour) -> Iterator[Fault]:
    for name in files.names(root, hour):
        below = f"{hour.folder}/{name}"
        try:
            looked = damage.look(root / below, hour)
        except OSError as error:
            yield Fault(below, "corrupt", f"cannot be read: {error}", "left")
            continue
        if looked.fault:
            yield Fault(below, "corrupt", looked.fault, "set aside")
        elif not looked.sealed:
            yield Fault(below, "unsealed", damage.UNSEALED, "left")
    for name in files.halves(root, hour):
        yield Fault(f"{hour.folder}/{name}", "litter", "left by a recorder that died", "removed")
