"""What a disk may hold after a power cut: all that was synced, and any part of the rest.

Two kinds of disk. The strict one promises what POSIX does: an fsync of a file saves its bytes, one
of a folder its names, and all else may be there or not, in any combination. The ordered one is as
ext4 or XFS: names come in the order in which they were made, and any fsync takes all earlier ones
along; the bytes of a file that was not synced may still be missing, or there in part.

A rename is one step: the new name is never there beside the old one, unless the two are in
different folders, and only that of the new one was synced.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.power.steps import Data, Mark, Name, Node, Step, Sync, put, rename

SECTOR, PAGE = 512, 4096  # bytes that a disk, or a system's cache, writes as one
_FEW = 3  # writes of one file of which all subsets are tried
_SEED = 18

Piece = tuple[int, bytes | None]  # bytes at a place, or a new size
Names = tuple[Name, ...]
Files = dict[str, tuple[Node, bytes] | None]  # by path; None is a folder


class Point(NamedTuple):
    """A moment: the steps that are safe and those that hang in the air, and what was promised.

    `promised` is the number of marks up to then, `since` the step of the last one.
    """

    at: int
    safe: frozenset[Step]
    names: Names
    data: Mapping[Node, tuple[Data, ...]]
    promised: int
    since: int


class State(NamedTuple):
    """One thing that a power cut may leave: which names of a point, which bytes of files."""

    point: Point
    names: frozenset[Name]
    data: Mapping[Node, tuple[Piece, ...]]


def begin_of(steps: Sequence[Step], mark: str) -> int:
    """Give the place of a mark, up to which everything counts as safe."""
    return next(at for at, step in enumerate(steps) if isinstance(step, Mark) and step.said == mark)


def points(steps: Sequence[Step], begin: int, *, ordered: bool) -> Iterator[Point]:
    """Give the moments before each sync that changes something, and the end.

    Whatever a cut between two of these leaves, a cut at the later one may leave too.
    """
    safe, air = set[Step](), list[Step]()
    promised, since = 0, begin
    for at, step in enumerate(steps[begin + 1 :], begin + 1):
        if isinstance(step, Mark):
            promised, since = promised + 1, at
        elif isinstance(step, Sync):
            saved = {each for each in air if _saves(step, each, safe, ordered=ordered)}
            if saved:
                yield _point(at, safe, air, promised, since)
                safe |= saved
                air = [each for each in air if each not in saved]
        else:
            air.append(step)
    yield _point(len(steps), safe, air, promised, since)


def _saves(sync: Sync, step: Step, safe: set[Step], *, ordered: bool) -> bool:
    if step.over >= sync.begun:  # not over when the sync began
        return False
    if sync.node is None or (ordered and isinstance(step, Name)):
        return True
    if isinstance(step, Name):
        # A rename between folders is not cut in two: the old name goes after the new one.
        return step.folder is sync.node and (step.after is None or step.after in safe)
    return isinstance(step, Data) and step.node is sync.node


def _point(at: int, safe: set[Step], air: list[Step], promised: int, since: int) -> Point:
    data: dict[Node, tuple[Data, ...]] = {}
    for step in air:
        if isinstance(step, Data) and step.node.kind == "file":
            data[step.node] = (*data.get(step.node, ()), step)
    names = tuple(each for each in air if isinstance(each, Name))
    return Point(at, frozenset(safe), names, data, promised, since)


def _joined(names: Iterable[Name], point: Point) -> frozenset[Name]:
    """Have renames between folders whole: both steps, or none, unless the first is safe."""
    chosen = set(names)
    for each in point.names:
        if each.after is not None and each.after not in point.safe:
            (chosen.add if each.after in chosen else chosen.discard)(each)
    return frozenset(chosen)


def states(point: Point, most: int, *, ordered: bool) -> Iterator[State]:
    """Give states of a point: all where they are at most so many, else that many of them.

    First come those that teach most: nothing, everything, all names without bytes, names up to
    each; then all but one and one alone; the rest is drawn with a seed.
    """
    options = {node: variants(air) for node, air in point.data.items()}
    kept = _prefixes(point.names) if ordered else _subsets(point.names)
    size = (len(point.names) + 1) if ordered else 2 ** len(point.names)
    for each in options.values():
        size *= len(each)
    every = itertools.product(kept, *options.values())
    found = every if size <= most else _some(point.names, options, most, ordered=ordered)
    for names, *pieces in found:
        yield State(point, _joined(names, point), dict(zip(options, pieces, strict=True)))


def _prefixes(names: Names) -> Iterator[Names]:
    return (names[:count] for count in range(len(names) + 1))


def _subsets(names: Names) -> Iterator[Names]:
    counts = range(len(names) + 1)
    return itertools.chain.from_iterable(itertools.combinations(names, each) for each in counts)


def _some(
    names: Names, options: Mapping[Node, list[tuple[Piece, ...]]], most: int, *, ordered: bool
) -> Iterator[tuple]:
    nothing = [each[0] for each in options.values()]
    everything = [each[1] for each in options.values()]
    told = [(names, *nothing), (names, *everything), ((), *nothing), ((), *everything)]
    rest = [(part, *everything) for part in _prefixes(names)]
    if not ordered:
        rest += [(tuple(x for x in names if x is not one), *everything) for one in names]
        rest += [((one,), *everything) for one in names]
    for at, several in enumerate(options.values()):
        for each in several[2:]:
            rest.append((names, *everything[:at], each, *everything[at + 1 :]))
    draw = random.Random(_SEED)
    draw.shuffle(rest)
    told += rest
    yield from told[:most]
    for _ in range(most - len(told)):
        some = tuple(each for each in names if draw.random() < 0.5)
        part = names[: draw.randint(0, len(names))] if ordered else some
        yield (part, *(draw.choice(each) for each in options.values()))


def variants(air: Sequence[Data]) -> list[tuple[Piece, ...]]:
    """Give what may be there of writes to one file: nothing and all first, then parts.

    Of few writes each subset, of more each beginning, all but the first, the last alone and some
    that are drawn; and each write in these beginnings torn.
    """
    pieces = [(step.at, step.content) for step in air]
    if len(pieces) <= _FEW:
        counts = range(len(pieces) + 1)
        some = itertools.chain.from_iterable(itertools.combinations(pieces, n) for n in counts)
    else:
        draw = random.Random(_SEED + len(pieces))
        drawn = (tuple(x for x in pieces if draw.random() < 0.5) for _ in range(4))
        begun = (tuple(pieces[:n]) for n in _spread(len(pieces)))
        some = itertools.chain(begun, [tuple(pieces[1:]), tuple(pieces[-1:])], drawn)
    found = [(), tuple(pieces), *some]
    for count in _spread(len(pieces)):
        if count:
            found += [(*pieces[: count - 1], *each) for each in torn(pieces[count - 1])]
    return list(dict.fromkeys(found))


def _spread(count: int, most: int = 8) -> list[int]:
    """Give up to so many numbers from 0 to a count, the last among them."""
    return sorted({count * at // most for at in range(most + 1)})


def torn(piece: Piece) -> Iterator[tuple[Piece, ...]]:
    """Tear a write at borders of sectors and pages; what is missing may be zeros, or not be there."""
    at, content = piece
    if not content:
        return
    cuts = set[int]()
    for block in (SECTOR, PAGE):
        first = block - at % block
        last = len(content) - (at + len(content)) % block
        cuts |= {first, last, first + (last - first) // (2 * block) * block}
    cuts.add(len(content) // 2)  # as where a file is of few bytes, and written by several calls
    for cut in sorted(each for each in cuts if 0 < each < len(content)):
        yield ((at, content[:cut]),)
        yield ((at, content[:cut] + bytes(len(content) - cut)),)
    yield ((at, bytes(len(content))),)


class Tree:
    """The folders and files of states, on what was there at the beginning."""

    def __init__(self, steps: Sequence[Step], begin: int, top: Node) -> None:
        self._top = top
        self._bytes: dict[Node, bytearray] = {}
        self._names: dict[Node, dict[str, Node]] = {}
        for step in steps[:begin]:
            _take(step, self._names, self._bytes)
        self._rest = [(at, each) for at, each in enumerate(steps) if at >= begin]

    def live(self, at: int) -> Files:
        """Give the files as the program saw them after so many steps."""
        names, files = self._start()
        for place, step in self._rest:
            if place < at:
                _take(step, names, files)
        return self._walked(names, files)

    def of(self, state: State) -> Files:
        """Give the files of a state."""
        names, files = self._start()
        for _, step in self._rest:
            if step in state.point.safe or step in state.names:
                _take(step, names, files)
        # What hangs in the air came after all that is safe of the same file.
        for node, pieces in state.data.items():
            for at, content in pieces:
                put(files.setdefault(node, bytearray()), at, content)
        return self._walked(names, files)

    def _start(self) -> tuple[dict[Node, dict[str, Node]], dict[Node, bytearray]]:
        names = {node: dict(known) for node, known in self._names.items()}
        return names, {node: bytearray(content) for node, content in self._bytes.items()}

    def _walked(
        self, names: Mapping[Node, Mapping[str, Node]], files: Mapping[Node, bytearray]
    ) -> Files:
        found: Files = {}

        def walk(folder: Node, below: str) -> None:
            for name, node in sorted(names.get(folder, {}).items()):
                if node.kind == "folder":
                    found[f"{below}{name}"] = None
                    walk(node, f"{below}{name}/")
                else:
                    content = node.content if node.kind == "link" else files.get(node, b"")
                    found[f"{below}{name}"] = node, bytes(content)

        walk(self._top, "")
        return found


def _take(step: Step, names: dict[Node, dict[str, Node]], files: dict[Node, bytearray]) -> None:
    if isinstance(step, Data):
        put(files.setdefault(step.node, bytearray()), step.at, step.content)
    elif isinstance(step, Name):
        rename(names.setdefault(step.folder, {}), step)


def build(files: Files, folder: Path) -> None:
    """Make a folder of files; several names of one file are that again."""
    folder.mkdir(parents=True)
    first: dict[Node, Path] = {}
    for name, told in files.items():
        path = folder / name
        if told is None:
            path.mkdir()
        elif told[0] in first:
            path.hardlink_to(first[told[0]])
        elif told[0].kind == "link":
            path.symlink_to(told[1].decode())
        else:
            path.write_bytes(told[1])
            first[told[0]] = path


def digest(files: Files) -> str:
    """Give a hash of names and bytes: equal ones need be looked at once."""
    sums = hashlib.sha256()
    for name, told in files.items():
        said = (name, told and (told[0].kind, told[0].number, len(told[1])))
        sums.update(repr(said).encode() + (told[1] if told else b""))
    return sums.hexdigest()
