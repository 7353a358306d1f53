"""Market lists without a lake: the day's waits for one, and moves in when the lake is made.

Who only asks for a ticker wants no lake, and yet a list of a past day can never be had again. It
waits in a folder of its lake's below the home, `<name>-<hash of the path>/source=upbit/`, reads as
if it were in the lake, and moves in as soon as there is one.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from marketkit.data.lake.format.layout import SUFFIX, markets_folder
from marketkit.disk import file_time, make_folder, write_atomic
from marketkit.errors import InputError
from marketkit.settings import lists_dir

_log = logging.getLogger("marketkit.lake")

_NAMED = "lake.txt"  # says which lake is waited for
_DAY = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{re.escape(SUFFIX)}")
_NAME_LENGTH = 40  # characters; for people, the hash tells one lake from another
_FORGOTTEN = 86_400_000_000_000  # ns: a day, in which a folder may come back


def folder_of(root: Path, source: str) -> Path:
    """Give the folder in which the lists of a source wait for the lake at `root`.

    Raises `OSError` where nobody can say where that is, here as everywhere.
    """
    return _folder(root) / Path(markets_folder(source)).name


def make(root: Path, source: str) -> Path:
    """Make the folder of waiting lists, and sweep folders of lakes without a place any more."""
    folder = folder_of(root, source)
    if not folder.is_dir():
        make_folder(folder)
        (folder.parent / _NAMED).write_bytes(os.fsencode(root.resolve()))
        _sweep(folder.parent.parent)
    return folder


def move_in(root: Path) -> None:
    """Bring waiting lists into the lake at `root`; of two lists of a day the lake's own stays."""
    try:
        folder = _folder(root)
        if not folder.is_dir():
            return
    except OSError:  # a home that is none, or that is not ours to read
        return
    try:
        for path in folder.glob(f"source=*/*{SUFFIX}"):
            if not _is_list(path):
                continue
            source = path.parent.name.removeprefix("source=")
            with suppress(FileNotFoundError, InputError):  # another was faster; nothing of ours
                _move(path, root / markets_folder(source))
        _remove(folder)
    except OSError as error:
        _log.warning("the market lists in %s still wait for their lake: %s", folder, error)


def _folder(root: Path) -> Path:
    try:
        return lists_dir() / _name(root.resolve())
    except (RuntimeError, InputError) as error:  # a circle of links, or no folder of ours
        raise FileNotFoundError(str(error)) from error


def _name(lake: Path) -> str:
    """Name the folder of a lake's lists."""
    mark = hashlib.sha256(os.fsencode(lake)).hexdigest()[:16]
    return f"{lake.name[-_NAME_LENGTH:]}-{mark}"


def _is_list(path: Path) -> bool:
    """Say whether a file, and no link to one, is named like the list of a day."""
    return _DAY.fullmatch(path.name) is not None and path.is_file() and not path.is_symlink()


def _move(path: Path, folder: Path) -> None:
    target = folder / path.name
    if not target.exists():
        content = path.read_bytes()
        make_folder(folder)
        write_atomic(target, lambda file: file.write(content))
    path.unlink()  # last: a kill before leaves two, and the lake's counts


def _remove(folder: Path) -> None:
    """Remove an empty folder of a lake; one that somebody writes to stays."""
    for each in folder.glob("source=*"):
        each.rmdir()
    (folder / _NAMED).unlink(missing_ok=True)
    folder.rmdir()


def _sweep(lists: Path) -> None:
    """Remove the lists of lakes whose folders are long gone, such as folders of tests."""
    now = file_time(lists)
    for named in lists.glob(f"*/{_NAMED}"):
        with suppress(OSError):  # somebody else was faster
            lake = Path(os.fsdecode(named.read_bytes()))
            # The folder has its name by what the file says: of others nothing is removed.
            ours = named.parent.name == _name(lake) and not named.parent.is_symlink()
            if not ours or lake.parent.exists():
                continue
            if now - named.stat().st_mtime_ns > _FORGOTTEN:
                shutil.rmtree(named.parent)
