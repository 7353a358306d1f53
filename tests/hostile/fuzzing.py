"""Damage to the files of a folder, case by case, and the folder made whole again after each.

An area (`damage.py`, `damage_recordings.py`, `damage_settings.py`) makes its files and says what is
wrong after one damage; `python -m tests.hostile.<area> FOLDER SEED FIRST LAST [how]` tries a range
of cases and writes a line of JSON for each thing that is not as it should be. The number of the
case at work is in `FOLDER/case`, for whoever finds the process ended by a signal.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).resolve().parents[2]


class Area(Protocol):
    """The files of one kind, and the questions asked of them after each damage."""

    root: Path
    files: list[Path]  # those to damage

    def wrongs(self, spoilt: list[Path], random_: random.Random, number: int, /) -> Iterator[str]:
        """Ask and write, and say what should not be."""


class Whole:
    """A folder as it was made: the bytes, times and inodes of the files, to go back to.

    Only what differs is written again, so that a case costs no copy of the folder.
    """

    def __init__(self, root: Path, beside: Path) -> None:
        self._root = root
        self._kept: dict[str, tuple[bytes, os.stat_result, str]] = {}
        paths = sorted(root.rglob("*"))
        self._folders = sorted(str(path) for path in paths if path.is_dir())
        beside.mkdir()
        for number, path in enumerate(each for each in paths if each.is_file()):
            vault = f"{beside}/{number}"  # the inode lives on when another takes the name
            os.link(path, vault)
            self._kept[str(path)] = path.read_bytes(), path.stat(), vault

    def restore(self, spoilt: list[Path]) -> None:
        """Make the folder as it was; `spoilt` are files changed behind its back."""
        for folder, below, files in os.walk(self._root):
            for name in below:
                if (path := f"{folder}/{name}") not in self._folders:
                    shutil.rmtree(path)
            for name in files:
                if (path := f"{folder}/{name}") not in self._kept:
                    Path(path).unlink()
        for path in self._folders:
            Path(path).mkdir(exist_ok=True)
        changed = set(map(str, spoilt))
        for path, (content, was, vault) in self._kept.items():
            now = _stat(path)
            if now is None or not os.path.samestat(now, was):
                Path(path).unlink(missing_ok=True)
                os.link(vault, path)
                now = Path(path).stat()
            whole = (now.st_mtime_ns, now.st_size) == (was.st_mtime_ns, was.st_size)
            if not whole or path in changed or ".sqlite" in path:
                Path(path).write_bytes(content)
                os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
                Path(path).chmod(was.st_mode)


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116 - asked of every file after every case
    except OSError:
        return None


def damaged(random_: random.Random, content: bytes, other: bytes) -> bytes:
    """Damage bytes as disks, programs and people do."""
    kind, size = random_.randrange(8), len(content)
    # Every other time near the beginning: that is where the rows are, in front of a long footer.
    reach = max(1, size // random_.choice((1, 4)))
    changed, at = bytearray(content), random_.randrange(reach)
    length = random_.randrange(1, 200)
    if kind == 0:
        return content[:at]
    if kind == 1:
        return other
    if kind == 2:
        changed[at : at + length] = random_.randbytes(min(length, size - at))
    elif kind == 3:
        changed[at : at + length // 3 + 1] = b""
    elif kind == 4:
        changed[at : at + length] = bytes(min(length, size - at))
    elif kind == 5:
        to = random_.randrange(max(1, size))
        changed[to:to] = content[at : at + length]
    elif size:
        for _ in range(random_.choice((1, 1, 1, 5))):
            changed[random_.randrange(reach)] ^= 1 << random_.randrange(8)
    return bytes(changed)


def spoil(random_: random.Random, files: list[Path]) -> list[Path]:
    """Damage a file, or have two take each other's place; give the files that are not whole."""
    path, other = random_.choice(files), random_.choice(files)
    mine, its = path.read_bytes(), other.read_bytes()
    if random_.randrange(6) == 0:
        _replace(path, its)
        _replace(other, mine)
        return [path, other]
    content = damaged(random_, mine, its)
    if random_.randrange(2):
        _replace(path, content)
        return [path]
    times = path.stat()
    with path.open("r+b") as file:  # as a disk does: every name of the file has it, and its times
        file.write(content)
        file.truncate()
    if random_.randrange(2):
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return [each for each in files if each.samefile(path)]


def _replace(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def try_cases(
    area: Area, folder: Path, seed: int, first: int, last: int
) -> Iterator[tuple[int, str, str]]:
    """Try the cases of a range; give case, files and what is wrong."""
    whole = Whole(area.root, folder / "whole")
    with (folder / "case").open("w") as at_work:
        for number in range(first, last):
            at_work.seek(0)
            at_work.write(f"{number}\n")
            at_work.flush()
            random_ = random.Random(f"{seed} {number}")
            spoilt = spoil(random_, area.files)
            names = " ".join(each.relative_to(area.root).as_posix() for each in spoilt)
            for wrong in area.wrongs(spoilt, random_, number):
                yield number, names, wrong
            whole.restore(spoilt)


def main(make: Callable[[Path, str], Area]) -> None:
    """Try the range of cases that the command line names."""
    folder, seed, first, last = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    os.fsync = lambda _: None  # nobody pulls the plug
    for each in try_cases(make(folder, "".join(sys.argv[5:])), folder, seed, first, last):
        sys.stdout.write(json.dumps(each) + "\n")
        sys.stdout.flush()


def tried(area: str, folder: Path, cases: range, how: str = "", seed: int = 13) -> list[str]:
    """Run cases in a process of their own; give what is not as it should be."""
    command = [sys.executable, "-m", f"tests.hostile.{area}", str(folder), str(seed)]
    command += [str(cases.start), str(cases.stop), *filter(None, [how])]
    private = {name: str(folder / "machine") for name in ("MARKETKIT_CACHE", "MARKETKIT_LAKE")}
    ran = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "POLARS_MAX_THREADS": "1", **private},
        check=False,
    )
    if ran.returncode:
        case = (folder / "case").read_text().strip() if (folder / "case").exists() else "none"
        died = signal.Signals(-ran.returncode).name if ran.returncode < 0 else ran.stderr[-500:]
        return [*ran.stdout.splitlines(), f"case {case}: the process ended: {died}"]
    return ran.stdout.splitlines()
