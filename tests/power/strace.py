"""Programs run under strace, and the system calls that they made, in order.

Strings come as hex, so that no byte of theirs is taken for a part of a line. A call that another
thread interrupts is told in two lines: it counts from the first one on, and is over at the second.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

INSTALL = "strace is not installed, or may not trace: apt-get install strace"

# `read` moves the place of the next write; the bytes that it brings are not asked for.
_RAW = ("read", "readv")
_CALLS = [
    "open",
    "openat",
    "creat",
    "close",
    "dup",
    "dup2",
    "dup3",
    "fcntl",
    "lseek",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "ftruncate",
    "truncate",
    "fallocate",
    "copy_file_range",
    "sendfile",
    "splice",
    "mmap",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "unlink",
    "unlinkat",
    "rmdir",
    "mkdir",
    "mkdirat",
    "fsync",
    "fdatasync",
    "sync",
    "syncfs",
    "clone",
    "clone3",
    "fork",
    "vfork",
    "io_uring_setup",
]
_LONGEST = 1 << 26  # bytes of one string: no write of ours has so many
_LINE = re.compile(r"(\d+) +(.*)")
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>,? ?(.*)")
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\w+|\?)(?:<([^>]*)>)?.*")
_UNFINISHED = re.compile(r"(.*?),? ?<unfinished \.\.\.>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_NUMBER_OF_FILE = re.compile(r"(\d+|AT_FDCWD)(?:<([^>]*)>)?")


class Call(NamedTuple):
    """A call that did not fail: who made it, its words, its answer, and the lines it lasted."""

    pid: int
    name: str
    words: tuple[str, ...]
    answer: int
    begun: int
    over: int


@cache
def is_there() -> bool:
    """Say whether programs can be traced here: a container may forbid that."""
    trial = ["strace", "--seccomp-bpf", "-f", "-o", os.devnull, "true"]
    try:
        return subprocess.run(trial, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def trace(command: Sequence[str], log: Path, environment: dict[str, str]) -> str:
    """Run a program under strace into a log, and give its output. Raises for one that fails."""
    calls = ",".join([*_CALLS, *_RAW])
    how = ["-f", "-y", "-xx", "-s", str(_LONGEST), "-e", "signal=none", "-e", f"trace={calls}"]
    raw = ["-e", f"raw={','.join(_RAW)}"]
    ran = subprocess.run(
        ["strace", "--seccomp-bpf", *how, *raw, "-o", str(log), *command],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return ran.stdout


def calls(lines: Iterable[str]) -> Iterator[Call]:
    """Read the calls of a log that did not fail, in the order in which they were over.

    A file counts as closed from the first line on.
    """
    begun: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(lines):
        found = _LINE.fullmatch(line.rstrip("\n"))
        if found is None:
            continue
        pid, said = found.groups()
        first = number
        if half := _UNFINISHED.fullmatch(said):
            if not half[1].startswith("close("):
                begun[pid] = half[1], number
                continue
            said = f"{half[1]}) = 0"  # its number may be another file's before the end is told
        if rest := _RESUMED.fullmatch(said):
            if rest[1] == "close":
                continue
            start, first = begun.pop(pid)
            joint = "" if start.endswith("(") or rest[2].startswith(")") else ", "
            said = start + joint + rest[2]
        call = _CALL.fullmatch(said)
        if call is None or call[3] == "?" or call[3].startswith("-"):
            continue
        words = tuple(_split(call[2]))
        yield Call(int(pid), call[1], words, int(call[3], 0), first, number)


def _split(words: str) -> Iterator[str]:
    """Split the words of a call at the commas outside of brackets."""
    depth, start = 0, 0
    for at, letter in enumerate(words):
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and not depth:
            yield words[start:at].strip()
            start = at + 1
    if words[start:].strip():
        yield words[start:].strip()


def text(word: str) -> bytes:
    """Give the bytes of a string, or of all strings of a list. Raises for one that is cut off."""
    parts = _TEXT.findall(word)
    if any(cut for _, cut in parts):
        raise ValueError("strace has cut a string off")
    return b"".join(bytes.fromhex(part.replace("\\x", "")) for part, _ in parts)


def file_of(word: str) -> tuple[int | None, str]:
    """Give the number of an open file, None for the working folder, and its path."""
    found = _NUMBER_OF_FILE.match(word)
    if found is None:
        raise ValueError(f"{word!r} is no open file")
    path = bytes.fromhex((found[2] or "").replace("\\x", "")).decode()
    return (None if found[1] == "AT_FDCWD" else int(found[1])), path


def processes(made: Iterable[Call]) -> dict[int, list[Call]]:
    """Sort calls by process: threads are of the one that made them."""
    several = list(made)
    threads = {
        call.answer: call.pid
        for call in several
        if call.name.startswith("clone") and "CLONE_THREAD" in "".join(call.words)
    }
    found: dict[int, list[Call]] = {}
    for call in several:
        pid = call.pid
        while pid in threads:
            pid = threads[pid]
        found.setdefault(pid, []).append(call)
    return found
