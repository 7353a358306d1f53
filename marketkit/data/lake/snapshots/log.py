"""The log of a Delta table among the objects of a lake: commits that follow one another, each once.

A commit is put where none is yet, so one of two that want the same number comes second and is told
`Conflict`: it looks at the newest again, and goes by that. Others may commit to the table, too, as
programs do that tidy Delta tables; then their commits are read as well.
"""

from __future__ import annotations

from typing import NamedTuple

from marketkit.data.lake.format.objects import Objects, Version
from marketkit.data.lake.snapshots import delta

_END = 4096  # bytes that are asked of the end of a commit: what it tells about itself has some 400


class Tip(NamedTuple):
    """The newest of a table: the last version, or -1, and what our last commit tells.

    `since` are the commits of other programs that came later, oldest first.
    """

    version: int
    told: delta.Told | None
    since: tuple[bytes, ...]


class Log:
    """The commits of the table in a folder of the lake."""

    def __init__(self, objects: Objects, folder: str) -> None:
        self._objects = objects
        self._folder = folder

    def tip(self) -> Tip:
        """Look at the newest."""
        commits = self._listed()
        since: list[bytes] = []
        for number in sorted(commits, reverse=True):
            key = f"{self._folder}/{delta.commit_path(number)}"
            told = delta.told_by(self._objects.tail(key, commits[number], _END))
            if told is None:
                content, _ = self._objects.read(key)
                told = delta.told_by(content)
            if told is not None:
                return Tip(max(commits), told, tuple(reversed(since)))
            since.append(content)
        return Tip(max(commits, default=-1), None, tuple(reversed(since)))

    def commit(self, version: int, content: bytes) -> None:
        """Add a version. Raises `Conflict` where another has that number."""
        self._objects.put(f"{self._folder}/{delta.commit_path(version)}", content, None)

    def _listed(self) -> dict[int, Version]:
        found: dict[int, Version] = {}
        for key, version in self._objects.list(f"{self._folder}/{delta.LOG}/"):
            number = delta.version_of(key.removeprefix(f"{self._folder}/"))
            if number is not None:
                found[number] = version
        return found
