"""The states that a power cut may leave of one writer's work, each opened and judged.

What counts is what a reader could have seen: since the last promise of the writer, each thing (the
candles of a chunk, a line of a log, a frozen set) was some way at some moment. A power cut may take
each back to any of these ways, and to none else. Before that, a look may say that something cannot
be read; after a repair it may not.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.conftest import no_more_images
from tests.power import careless, looks, model
from tests.power.looks import LOGGED, UNREADABLE, Mended, Said
from tests.power.model import Files, Point, State, Tree
from tests.power.steps import Mark, Name, Node, Step

_CACHES = re.compile(r".*(index\.sqlite(-wal|-journal)?|\.tmp|\.lock)")  # which change no answer

Look = Callable[[Path], Said]


@dataclass
class Row:
    """What came of one writer."""

    writer: str
    calls: int = 0
    points: int = 0
    states: int = 0
    consistent: int = 0
    repaired: int = 0
    faults: list[str] = field(default_factory=list)


class Moment(NamedTuple):
    """What a reader saw after so many steps."""

    at: int
    said: Said


class Trial(NamedTuple):
    """How a writer's work is looked at, mended and gone on with."""

    look: Look
    mend: Callable[[Path], Mended]
    go_on: Callable[[Path], list[str]]
    also: Callable[[Path], list[str]] = lambda _world: []  # what must never be, whenever


def trial_of(kind: str) -> Trial:
    """Give the way in which writers of a kind are judged."""
    nothing = looks.mend_nothing, (lambda _world: [])
    return {
        "lake": Trial(looks.look_at_lake, looks.mend_lake, looks.go_on_in_lake),
        "jobs": Trial(looks.look_at_jobs, looks.mend_nothing, looks.go_on_with_jobs),
        "recording": Trial(
            looks.look_at_recording, looks.mend_recording, nothing[1], looks.false_claims
        ),
        "settings": Trial(looks.look_at_settings, *nothing),
        "bans": Trial(looks.look_at_bans, *nothing),
        "files": Trial(careless.look, *nothing),
    }[kind]


class Judge:
    """Rebuilds states of one writer's work at the place where the work was done, and judges."""

    def __init__(self, name: str, world: Path, steps: Sequence[Step], top: Node) -> None:
        begin = model.begin_of(steps, "begin")
        self.row = Row(name, len(steps) - begin)
        self._world, self._steps, self._begin = world, steps, begin
        self._tree = Tree(steps, begin, top)
        self._moments: list[Moment] = []
        self._seen: set[tuple[str, int]] = set()
        self._repaired: dict[int, Said] = {}

    def run(self, trial: Trial, most: int) -> Row:
        """Judge up to so many states of each point: first on an ordered disk, then on any."""
        self._moments = list(self._all_moments(trial.look))
        for ordered in (True, False):
            for point in model.points(self._steps, self._begin, ordered=ordered):
                self.row.points += 1
                for state in model.states(point, most, ordered=ordered):
                    self._try(trial, state, "an ordered disk" if ordered else "any disk")
        shutil.rmtree(self._world, ignore_errors=True)
        return self.row

    def _build(self, files: Files) -> None:
        no_more_images()  # of the state before, which would lie in the way of this one
        shutil.rmtree(self._world, ignore_errors=True)
        model.build(files, self._world)

    def _all_moments(self, look: Look) -> Iterator[Moment]:
        """Give what readers saw at each moment: as a kill would have left it."""
        known: dict[str, Said] = {}
        for at in range(self._begin, len(self._steps) + 1):
            step = self._steps[at - 1] if at else None
            if at > self._begin and not isinstance(step, Name | Mark) and not self._ends(at):
                continue
            files = self._tree.live(at)
            key = model.digest({n: f for n, f in files.items() if not _CACHES.fullmatch(n)})
            if key not in known:
                self._build(files)
                known[key] = look(self._world)
            yield Moment(at, known[key])

    def _ends(self, at: int) -> bool:
        """Say whether a run of writes ends here: a reader may have come before the next step."""
        return at == len(self._steps) or not isinstance(self._steps[at], model.Data)

    def _try(self, trial: Trial, state: State, disk: str) -> None:
        files = self._tree.of(state)
        key = model.digest(files), state.point.since
        if key in self._seen:
            return
        self._seen.add(key)
        self._build(files)
        self.row.states += 1
        try:
            count, why = self._judged(trial, state.point)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a fault
            count, why = 0, [f"{type(error).__name__}: {error}"]
        if why:
            self.row.faults.append(f"{disk}, {_spelt(state)}: {'; '.join(why)[:600]}")
        elif count:
            self.row.repaired += 1
        else:
            self.row.consistent += 1

    def _judged(self, trial: Trial, point: Point) -> tuple[int, list[str]]:
        """Say how much had to be mended, and what speaks against a state."""
        said = trial.look(self._world)
        unread = sum(each.startswith(UNREADABLE) for each in said.values())
        why = [*self._wrong(point, said), *trial.also(self._world)] if not unread else []
        mended = trial.mend(self._world)
        why += mended.left
        after = trial.look(self._world) if mended.changed else said
        why += trial.also(self._world) if mended.changed else ()
        why += trial.go_on(self._world)
        if (mended.changed or unread) and self._wrong(point, after):
            known = [self._mended(trial, at) for at in (point.since, point.at)]
            why += [f"mended: {each}" for each in self._wrong(point, after, *known)]
        return mended.count + unread, list(dict.fromkeys(why))

    def _mended(self, trial: Trial, at: int) -> Moment:
        """Give what a reader would see after a kill at a moment, and a repair."""
        if at not in self._repaired:
            self._build(self._tree.live(at))
            trial.mend(self._world)
            self._repaired[at] = trial.look(self._world)
        return Moment(at, self._repaired[at])

    def _wrong(self, point: Point, said: Said, *more: Moment) -> list[str]:
        """Say what is no way that a thing was since the last promise, and what no log tells of."""
        seen = [each for each in self._moments if point.since <= each.at <= point.at]
        seen += more
        why, least = list[str](), dict[str, int]()
        for key in dict.fromkeys([*said, *(name for each in seen for name in each.said)]):
            ways = [each.at for each in seen if each.said.get(key) == said.get(key)]
            if not ways:
                were = list(dict.fromkeys(str(each.said.get(key))[:150] for each in seen))
                why.append(f"{key} is {str(said.get(key))[:150]}, was {were}")
            elif not key.startswith(LOGGED) and said.get(key) is not None:
                least[key] = ways[0]
        latest = max(least.values(), default=point.since)
        told = next((each.said for each in seen if each.at >= latest), {})
        why += [
            f"nothing tells of {key}"
            for key in told
            if key.startswith(LOGGED) and key not in said and latest > point.since
        ]
        return why


def _spelt(state: State) -> str:
    """Name what of the steps in the air is there."""
    names = [f"{each.name}{'' if each.node else ' gone'}" for each in state.names]
    sizes = {
        node.number: [(at, None if content is None else len(content)) for at, content in pieces]
        for node, pieces in state.data.items()
    }
    return f"step {state.point.at}: {names} {sizes}"[:400]
