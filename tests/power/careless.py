"""Writers as none of ours may be: what the judge must not let pass, or all its praise is worth nothing.

Each does in a few lines what our own do, and lacks one step; `with care` lacks none.
"""

from __future__ import annotations

import os
from pathlib import Path

from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.tasks import Work
from marketkit.disk import sync_folder, write_atomic
from tests.power.beside import TASKS, WANTED
from tests.power.looks import LOGGED

OLD, NEW = b"old " * 300, b"new " * 400  # more than a sector


def prepare(world: Path) -> None:
    write_atomic(world / "file", lambda file: file.write(OLD))
    write_atomic(world / "log", lambda file: file.write(b"old\n"))


def _fill(path: Path, content: bytes, *, synced: bool) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        if synced:
            os.fsync(file.fileno())


def with_care(world: Path) -> None:
    write_atomic(world / "file", lambda file: file.write(NEW))


def bytes_not_synced(world: Path) -> None:
    _fill(world / "file.tmp", NEW, synced=False)
    (world / "file.tmp").replace(world / "file")
    sync_folder(world)


def name_not_synced(world: Path) -> None:
    _fill(world / "file.tmp", NEW, synced=True)
    (world / "file.tmp").replace(world / "file")


def folder_not_synced(world: Path) -> None:
    (world / "below").mkdir()
    write_atomic(world / "below" / "more", lambda file: file.write(NEW))


def written_in_place(world: Path) -> None:
    with (world / "file").open("r+b") as file:
        file.write(NEW)
        file.flush()
        os.fsync(file.fileno())


def line_not_synced(world: Path) -> None:
    with (world / "log").open("ab") as file:
        file.write(b"new\n")


def change_before_its_line(world: Path) -> None:
    """Log what is about to be lost, and have the line safe only after that is lost."""
    with (world / "log").open("ab") as file:
        file.write(b"new\n")
        file.flush()
        with_care(world)
        os.fsync(file.fileno())


def removed_before_the_copy(world: Path) -> None:
    """Make a copy in another place, and remove the first before the copy is safe."""
    (world / "kept").mkdir()
    sync_folder(world)
    _fill(world / "kept" / "file", OLD, synced=True)
    (world / "file").unlink()
    sync_folder(world)
    sync_folder(world / "kept")


def lazy_ledger(world: Path) -> None:
    ledger = Ledger(world / "lake")
    ledger.open(WANTED, TASKS)
    me = ledger.register(WANTED.id)
    ledger._file._connection.execute("PRAGMA synchronous = NORMAL")
    ledger.finish(me, ledger.lease(me), Work(10, 1, 10))
    _OPEN.append(ledger)


_OPEN: list[Ledger] = []  # not closed before the end
CARELESS = {
    "with care": with_care,
    "bytes not synced": bytes_not_synced,
    "name not synced": name_not_synced,
    "folder not synced": folder_not_synced,
    "written in place": written_in_place,
    "line not synced": line_not_synced,
    "change before its line": change_before_its_line,
    "removed before the copy": removed_before_the_copy,
}


def look(world: Path) -> dict[str, str]:
    """Say what is in the files; the lines of the log are what a change is to be told by."""
    found = {}
    for name in ("file", "below/more", "kept/file"):
        if (world / name).exists():
            found["file" if name == "kept/file" else name] = str((world / name).read_bytes())
    log = world / "log"
    for line in log.read_text().splitlines() if log.exists() else ():
        found[f"{LOGGED}{line}"] = "there"
    return found
