"""A folder rebuilt from system calls: what changed it, step by step, and what was made safe when.

Everything below one folder is followed: names in folders, bytes of files. A way of writing that is
not followed, as into shared memory, raises `Unknown`: a model that lacks steps would prove nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from tests.power.steps import Data, Mark, Name, Node, Step, Sync, put, rename
from tests.power.strace import Call, file_of, text

VOLATILE = "-shm"  # of SQLite: what lies in there is made anew when nobody has the file open
_WRITES = {"write", "writev", "pwrite64", "pwritev", "pwritev2"}


class Unknown(Exception):
    """A way of changing files that the model does not have."""


@dataclass
class _Open:
    """An open file, perhaps with several numbers."""

    node: Node
    append: bool
    at: int = 0


class Replay:
    """The folder at `root`, as calls change it; `steps` are all of them."""

    def __init__(self, root: str, mark: bytes) -> None:
        self.root = PurePosixPath(root)
        self.steps: list[Step] = []
        self._mark = mark
        self._numbers = itertools.count()
        self.top = self._new("folder")
        self._files: dict[int, _Open] = {}
        self._now = (0, 0)

    def run(self, made: Iterable[Call]) -> None:
        """Take calls of one process and its threads."""
        for call in made:
            self._now = call.begun, call.over
            if call.name in _WRITES:
                self._write(call)
            elif (known := getattr(self, f"_{call.name}", None)) is not None:
                known(call)
            elif any("<" in word and self._file(word) is not None for word in call.words):
                raise Unknown(f"{call.name} of {call.words[0]}")

    def _new(self, kind: str) -> Node:
        return Node(next(self._numbers), kind)

    def _add(self, kind: type[Step], *values: object) -> None:
        self.steps.append(kind(*self._now, *values))

    def _file(self, word: str) -> _Open | None:
        number = file_of(word)[0] if word[:1].isdigit() else None
        return None if number is None else self._files.get(number)

    def _place(self, path: bytes, folder: str = "") -> tuple[Node, str] | None:
        """Give the folder and the name of a path below the root, None for others."""
        full = PurePosixPath(folder or "/") / path.decode()
        if full == self.root or not full.is_relative_to(self.root):
            return None
        *above, name = full.relative_to(self.root).parts
        node = self.top
        for each in above:
            if each not in node.names:
                return None
            node = node.names[each]
        return node, name

    def _at(self, words: tuple[str, ...]) -> tuple[Node, str] | None:
        """Give the place of a path that is given beside an open folder."""
        return self._place(text(words[1]), file_of(words[0])[1])

    # -- names ---------------------------------------------------------------

    def _put(self, place: tuple[Node, str], *values: object) -> None:
        self._add(Name, *place, *values)
        rename(place[0].names, self.steps[-1])

    def _openat(self, call: Call) -> None:
        flags = call.words[2].split("|")
        folder, path = file_of(call.words[0])[1], text(call.words[1])
        full = PurePosixPath(folder or "/") / path.decode()
        self._files.pop(call.answer, None)
        if "O_TMPFILE" in flags and full.is_relative_to(self.root):
            self._files[call.answer] = _Open(self._new("file"), append=False)
            return
        if full == self.root:
            self._files[call.answer] = _Open(self.top, append=False)
            return
        place = self._place(path, folder)
        if place is None:
            return
        node = place[0].names.get(place[1])
        if node is None:
            node = self._new("volatile" if place[1].endswith(VOLATILE) else "file")
            self._put(place, node)
        self._files[call.answer] = _Open(node, "O_APPEND" in flags)
        if "O_TRUNC" in flags and node.content:
            self._resize(node, 0)

    def _open(self, call: Call) -> None:
        self._openat(call._replace(words=("AT_FDCWD", *call.words)))

    def _mkdir(self, call: Call, place: tuple[Node, str] | None = None) -> None:
        place = place or self._place(text(call.words[0]))
        if place is not None:
            self._put(place, self._new("folder"))

    def _mkdirat(self, call: Call) -> None:
        if (place := self._at(call.words)) is not None:
            self._mkdir(call, place)

    def _unlink(self, call: Call) -> None:
        if (place := self._place(text(call.words[0]))) is not None:
            self._put(place, None)

    _rmdir = _unlink

    def _unlinkat(self, call: Call) -> None:
        if (place := self._at(call.words)) is not None:
            self._put(place, None)

    def _move(self, old: tuple[Node, str] | None, new: tuple[Node, str] | None) -> None:
        if (old is None) != (new is None):
            raise Unknown("a rename from or to another place than the folder that is followed")
        if old is None or new is None:
            return
        node = old[0].names[old[1]]
        if new[0].names.get(new[1]) is node:  # two names of one file: nothing is done
            return
        if old[0] is new[0]:
            self._put(new, node, old[1])
        else:
            self._put(new, node)
            self._put(old, None, None, self.steps[-1])

    def _rename(self, call: Call) -> None:
        self._move(self._place(text(call.words[0])), self._place(text(call.words[1])))

    def _renameat(self, call: Call) -> None:
        if any(flag in call.words[-1] for flag in ("EXCHANGE", "WHITEOUT")):
            raise Unknown(f"a rename with {call.words[-1]}")
        self._move(self._at(call.words), self._at(call.words[2:]))

    _renameat2 = _renameat

    def _twice(self, old: tuple[Node, str] | None, new: tuple[Node, str] | None) -> None:
        if old is not None and new is not None:
            self._put(new, old[0].names[old[1]])

    def _link(self, call: Call) -> None:
        self._twice(self._place(text(call.words[0])), self._place(text(call.words[1])))

    def _linkat(self, call: Call) -> None:
        self._twice(self._at(call.words), self._at(call.words[2:]))

    def _lead(self, target: bytes, place: tuple[Node, str] | None) -> None:
        if place is not None:
            node = self._new("link")
            node.content += target
            self._put(place, node)

    def _symlink(self, call: Call) -> None:
        self._lead(text(call.words[0]), self._place(text(call.words[1])))

    def _symlinkat(self, call: Call) -> None:
        self._lead(text(call.words[0]), self._at(call.words[1:]))

    # -- bytes ---------------------------------------------------------------

    def _write(self, call: Call) -> None:
        content = text(call.words[1])[: call.answer]
        if content.startswith(self._mark):
            self._add(Mark, content.removeprefix(self._mark).decode().strip())
        file = self._file(call.words[0])
        if file is None:
            return
        if call.name.startswith("pwrite"):
            self._fill(file.node, int(call.words[-1 if call.name != "pwritev2" else -2]), content)
            return
        at = len(file.node.content) if file.append else file.at
        self._fill(file.node, at, content)
        file.at = at + len(content)

    def _fill(self, node: Node, at: int, content: bytes) -> None:
        put(node.content, at, content)
        self._add(Data, node, at, content)

    def _resize(self, node: Node, size: int) -> None:
        put(node.content, size, None)
        self._add(Data, node, size, None)

    def _ftruncate(self, call: Call) -> None:
        if (file := self._file(call.words[0])) is not None:
            self._resize(file.node, int(call.words[1]))

    def _truncate(self, call: Call) -> None:
        place = self._place(text(call.words[0]))
        if place is not None:
            self._resize(place[0].names[place[1]], int(call.words[1]))

    def _fallocate(self, call: Call) -> None:
        if (file := self._file(call.words[0])) is not None:
            if call.words[1] != "0":
                raise Unknown(f"fallocate with {call.words[1]}")
            size = int(call.words[2]) + int(call.words[3])
            if size > len(file.node.content):
                self._resize(file.node, size)

    def _sendfile(self, call: Call, to: int = 0) -> None:
        if self._file(call.words[to]) is not None:
            raise Unknown(f"{call.name} to {call.words[to]}")

    def _copy_file_range(self, call: Call) -> None:
        self._sendfile(call, to=2)

    def _mmap(self, call: Call) -> None:
        file = self._file(call.words[4])
        shared = "PROT_WRITE" in call.words[2] and "MAP_SHARED" in call.words[3]
        if file is not None and shared and not file_of(call.words[4])[1].endswith(VOLATILE):
            raise Unknown(f"shared memory of {file_of(call.words[4])[1]}")

    # -- open files ------------------------------------------------------------

    def _close(self, call: Call) -> None:
        self._files.pop(file_of(call.words[0])[0] or -1, None)

    def _dup(self, call: Call) -> None:
        self._files.pop(call.answer, None)
        if (file := self._file(call.words[0])) is not None:
            self._files[call.answer] = file

    _dup2 = _dup3 = _dup

    def _fcntl(self, call: Call) -> None:
        if call.words[1].startswith("F_DUPFD"):
            self._dup(call)

    def _lseek(self, call: Call) -> None:
        if (file := self._file(call.words[0])) is not None:
            file.at = call.answer

    def _read(self, call: Call) -> None:  # its words are numbers alone
        if (file := self._files.get(int(call.words[0], 0))) is not None:
            file.at += call.answer

    _readv = _read

    # -- what is safe ------------------------------------------------------------

    def _fsync(self, call: Call) -> None:
        if (file := self._file(call.words[0])) is not None:
            self._add(Sync, file.node)

    _fdatasync = _fsync

    def _sync(self, _call: Call) -> None:
        self._add(Sync, None)

    _syncfs = _sync

    def _refuse(self, call: Call) -> None:
        raise Unknown(call.name)

    _creat = _io_uring_setup = _refuse
