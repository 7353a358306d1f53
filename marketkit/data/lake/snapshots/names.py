"""The names of the frozen sets of a lake in a bucket, as the newest commit of their table tells.

A small object has all names; each commit of ours brings a new one and says where. So names change
with the table, one commit after the other, and nobody ever sees one without the other.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, TypeVar

from marketkit.data.lake.format.nonsense import NONSENSE
from marketkit.data.lake.format.objects import Conflict, Objects
from marketkit.data.lake.snapshots import delta
from marketkit.data.lake.snapshots.copies import TABLES
from marketkit.data.lake.snapshots.log import Log, Tip
from marketkit.data.lake.snapshots.manifest import Frozen, is_name
from marketkit.errors import CorruptFile, InputError, LakeError, NewerFormat, nearest
from marketkit.settings import library_version

TABLE = f"{TABLES}/candles"
SETS = f"{TABLES}/sets"
_FORMAT = 1  # of the object with the names
_TRIES = 100  # at a commit that others come before: each of them gave or took a name
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Named:
    """A set under its name: the version of the table, the manifest, and the summary."""

    version: int
    manifest: str
    summary: Frozen


@dataclass(frozen=True, slots=True)
class State:
    """All names at one version of the table; `latest` is the manifest of what that holds."""

    tip: Tip
    sets: Mapping[str, Named] = field(default_factory=dict)
    latest: str | None = None
    era: int = 0

    def named(self, name: str) -> Named:
        """Give a set. Raises `InputError` with the nearest names if there is none."""
        if name not in self.sets:
            raise InputError(f"no frozen set is called {name!r}{nearest(str(name), self.sets)}")
        return self.sets[name]

    @property
    def names_at(self) -> str | None:
        """The object with the names."""
        return None if self.tip.told is None else str(self.tip.told.get("names"))


class Change(NamedTuple):
    """A commit to be made: the lines, the moment in ms UTC, and why in a word or two."""

    lines: Sequence[Mapping[str, Any]]
    moment: int
    why: str


class Names:
    """The names in a lake at `url`, by its objects."""

    def __init__(self, objects: Objects, url: str) -> None:
        self._objects = objects
        self._url = url
        self._log = Log(objects, TABLE)

    def state(self) -> State:
        """Look at the newest. Raises `CorruptFile` and `NewerFormat`."""
        for _ in range(_TRIES):
            state = State(self._log.tip())
            if (key := state.names_at) is None:
                return state
            try:
                content, _ = self._objects.read(key)
            except FileNotFoundError:  # a vacuum took it, as there is a newer one
                if self._log.tip().version == state.tip.version:
                    break
            else:
                return self._understood(state.tip, key, content)
        raise CorruptFile(f"{self._url}/{key}, which tells the frozen sets, is missing")

    def _understood(self, tip: Tip, key: str, content: bytes) -> State:
        try:
            said = json.loads(content)
            if said["format"] > _FORMAT:
                raise NewerFormat(f"{self._url}/{key} is of a later marketkit: update it")
            sets = {name: _named(each) for name, each in said["sets"].items() if is_name(name)}
            return State(tip, sets, said["latest"], int(said["era"]))
        except NONSENSE as error:
            told = f"{self._url}/{key} does not tell the frozen sets: {error!r}"
            raise CorruptFile(told) from error

    def commit(self, state: State, change: Change) -> None:
        """Make a version after that of `state.tip`. Raises `Conflict` where another was faster."""
        sets = {name: asdict(named) for name, named in state.sets.items()}
        said = {"format": _FORMAT, "era": state.era, "latest": state.latest, "sets": sets}
        key = f"{TABLES}/names/{secrets.token_hex(8)}.json"
        self._objects.put(key, json.dumps(said).encode(), None)
        ours = {"why": change.why, "names": key}
        writer = f"marketkit {library_version()}"
        content = delta.spell(change.lines, change.moment, "WRITE", writer, ours)
        self._log.commit(state.tip.version + 1, content)

    def serially(self, commit: Callable[[State], _T]) -> _T:
        """Do something that ends with a commit, again after each other one that came first."""
        for _ in range(_TRIES):
            try:
                return commit(self.state())
            except Conflict:
                continue
        raise LakeError(f"{self._url}: others freeze and delete sets faster than this can be done")


def _named(said: dict[str, Any]) -> Named:
    return Named(int(said["version"]), str(said["manifest"]), Frozen(**said["summary"]))
