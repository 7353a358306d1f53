"""A look at this machine: versions, extras, room on disk, the budget's folder, the terminal."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from marketkit.api.findings import Finding, State
from marketkit.notebook import words
from marketkit.settings import library_version

_NAME = "marketkit-upbit"
_FOR_US = frozenset({"all", "clients", "docs", "test"})  # extras that bring no call of their own
_TOLD = ("polars", "pyarrow", "httpx", "websockets", "msgspec", "pandas")  # in a report
_SCARCE, _NONE = 1_000_000_000, 100_000_000  # bytes: a year of minutes of 100 markets, and a day's
_KOREAN, _LINES = "비트코인", "┌─┆╞═│"
_REQUIREMENT = re.compile(
    r"([\w.-]+)(?:\[[\w,-]+\])?\s*([^;]*)(?:;.*extra\s*==\s*['\"](\w+)['\"])?"
)


class Requirement(NamedTuple):
    """A package that marketkit needs, at least in which version, and for which extra, if any."""

    package: str
    least: str
    extra: str | None


def look_at_machine(lake: Path, budget: Path) -> Iterator[Finding]:
    """Look at the whole machine; no exchange is asked, and nothing written stays."""
    wanted = requirements(required())
    yield from _versions(wanted)
    yield from _extras(wanted)
    yield _disk(lake)
    yield _budget_folder(budget)
    yield terminal(getattr(sys.stdout, "encoding", None))


def required() -> list[str]:
    """Give the requirements of the distribution; none in a checkout never installed."""
    try:
        return importlib.metadata.requires(_NAME) or []
    except importlib.metadata.PackageNotFoundError:
        return []


def requirements(lines: list[str]) -> list[Requirement]:
    """Read requirements in the spelling of distributions.

    >>> requirements(["polars>=2.1", 'uvicorn>=0.34; extra == "sandbox"'])[1]
    Requirement(package='uvicorn', least='0.34', extra='sandbox')
    """
    found = []
    for line in lines:
        match = _REQUIREMENT.match(line)
        if match is not None and match[1] != _NAME:
            least = re.search(r">=\s*([\w.]+)", match[2])
            found.append(Requirement(match[1], least[1] if least else "", match[3]))
    return found


def _versions(wanted: list[Requirement]) -> Iterator[Finding]:
    there = {name: found for name in _TOLD if (found := _version(name)) is not None}
    said = ", ".join(f"{name} {version}" for name, version in there.items())
    mine = f"marketkit {library_version()}, Python {platform.python_version()}"
    yield Finding("good", "versions", f"{mine} on {platform.system()}, {said}")
    for each in wanted:
        found = _version(each.package)
        if found is not None and _number(found) < _number(each.least):
            do = f"pip install --upgrade '{each.package}>={each.least}'"
            yield Finding("bad", "versions", f"{each.package} {found} is too old", do)


def _extras(wanted: list[Requirement]) -> Iterator[Finding]:
    """Name the extras that are not there, and how each is had; none is needed by all."""
    extras = dict.fromkeys(each.extra for each in wanted if each.extra)
    for extra in extras:
        lacking = [e.package for e in wanted if e.extra == extra and _version(e.package) is None]
        name = "widgets" if extra == "notebook" else "extras"
        if extra in _FOR_US:
            continue
        if lacking:
            do = f"pip install '{_NAME}[{extra}]' if you want it"
            yield Finding("note", name, f"{extra} is not there: {' '.join(lacking)}", do)
        else:
            yield Finding("good", name, f"{extra} is there")


def _disk(lake: Path) -> Finding:
    free = shutil.disk_usage(_existing(lake)).free
    said = f"{words.size(free)} are free where the lake is"
    if free >= _SCARCE:
        return Finding("good", "disk", said)
    state: State = "look" if free >= _NONE else "bad"
    return Finding(state, "disk", said, "free some room; `marketkit lake du` says what takes it")


def _budget_folder(folder: Path) -> Finding:
    """Look whether the machine's processes can share their budgets in a folder."""
    try:
        with tempfile.TemporaryFile(dir=_existing(folder)):
            return Finding("good", "budget", f"shared by all processes in {folder}")
    except OSError as error:
        do = "make that folder writable, or name another in MARKETKIT_BUDGET_DIR"
        said = (
            f"{folder} cannot be written, so each process takes half of the limit: {error.strerror}"
        )
        return Finding("bad", "budget", said, do)


def terminal(encoding: str | None) -> Finding:
    """Say how well an output of this encoding shows Korean names and tables."""
    if not _shows(_KOREAN, encoding):
        do = "set PYTHONIOENCODING=utf-8; in a console of Windows say `chcp 65001` first"
        return Finding("look", "terminal", f"{encoding} has no Korean names: they print as ?", do)
    if not _shows(_LINES, encoding):
        do = "nothing to do; PYTHONIOENCODING=utf-8 draws them"
        return Finding("note", "terminal", f"{encoding} has Korean names, tables print as +-|", do)
    return Finding("good", "terminal", f"{encoding or 'no encoding'}: Korean names and tables")


def _shows(letters: str, encoding: str | None) -> bool:
    try:
        letters.encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _existing(path: Path) -> Path:
    """Give the folder, or the nearest existing one above."""
    return next((each for each in (path, *path.absolute().parents) if each.is_dir()), Path(os.sep))


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
