"""Steps of a trace: bytes into files, names in folders, syncs and promises; pure."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(eq=False)
class Node:
    """A file, a folder or a symbolic link; live as the program sees it."""

    number: int
    kind: str  # file, folder, link; volatile for one whose bytes are nothing after a cut
    content: bytearray = field(default_factory=bytearray)
    names: dict[str, Node] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Step:
    """Something that happened, from one line of the trace to another."""

    begun: int
    over: int


@dataclass(frozen=True, eq=False)
class Data(Step):
    """Bytes put into a file at a place, or, with None, a new size."""

    node: Node
    at: int
    content: bytes | None


@dataclass(frozen=True, eq=False)
class Name(Step):
    """A name in a folder that is of `node` from now on, of nothing where that is None.

    `old` is the name that it had there before: a rename takes that away. A rename between folders
    is two steps, the second of which has the first as `after`.
    """

    folder: Node
    name: str
    node: Node | None
    old: str | None = None
    after: Name | None = None


@dataclass(frozen=True, eq=False)
class Sync(Step):
    """A file or folder made safe; None for all of them."""

    node: Node | None


@dataclass(frozen=True, eq=False)
class Mark(Step):
    """Words of the program: what it promises from now on."""

    said: str


def rename(names: dict[str, Node], step: Name) -> None:
    """Change the names of a folder as a step says."""
    if step.old is not None and names.get(step.old) is step.node:
        del names[step.old]
    if step.node is None:
        names.pop(step.name, None)
    else:
        names[step.name] = step.node


def put(content: bytearray, at: int, new: bytes | None) -> None:
    """Put bytes into others at a place, zeros in between; with None cut or fill them to a size."""
    end = at if new is None else at + len(new)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    if new is None:
        del content[at:]
    else:
        content[at:end] = new
