"""A process that kills others: one operation, killed at many of its steps, and what was left.

`matrix.py OPERATION FOLDER COUNT` prints one JSON object. A step is a line of marketkit's own
modules, or of those of the standard library that change files for it. Between two steps with the
same disk a kill makes no difference, so that it is enough to kill once in each state of the disk;
COUNT takes so many of these, 0 all of them. Besides, the writer is killed in the middle of a file,
by a limit on the size of files.

Children are forked from here, where polars is imported and its threads were never started. What
only they would import, and each of them anew, is imported here, too: that is most of their time.
"""

from __future__ import annotations

import functools
import gc
import hashlib
import json
import os
import resource
import runpy
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.dataset

from marketkit.data.lake import Lake
from marketkit.data.lake.audit import audit, beside, repair
from marketkit.data.lake.snapshots import snapshot
from marketkit.errors import InputError

# What changes files: the library, and what it leaves the changing of files to.
TRACED = (f"{Path('marketkit')}{os.sep}", "shutil.py", "pathlib.py", "tempfile.py", "filelock")
KILLED = 9
FOR_CHILDREN = (audit, beside, repair, snapshot, pyarrow.dataset)
# Sizes of files, in bytes, at which a writer is killed: within a line of a log, a page of a chunk.
LIMITS = (20, 700, 2_000, 3_500)
OPERATIONS = runpy.run_path(str(Path(__file__).with_name("operations.py")))["OPERATIONS"]
# What a dead writer may leave, for repair to sweep: nothing of it says anything about candles.
LITTER = {"litter", "index", "snapshot"}


@dataclass(slots=True)
class Steps:
    """Counts the lines of the library that run; dies before one, or notes where the disk changes."""

    folder: Path
    last: int = 0  # 0: lives, and notes
    seen: int = 0
    disk: object = None
    changes: list[int] = field(default_factory=list)

    def __call__(self, frame, event, _argument):
        """Trace only what changes files."""
        if not is_traced(frame.f_code.co_filename):
            return None
        if event == "line":
            self.seen += 1
            if self.seen == self.last:
                os._exit(KILLED)  # as `kill -9` would: no handler, no flush, no unlock
            if not self.last:
                self.note()
        return self

    def note(self) -> None:
        """Remember the step if the disk is not as it was."""
        disk = look(self.folder)
        if disk != self.disk:
            self.disk = disk
            self.changes.append(self.seen)


@functools.cache
def is_traced(file: str) -> bool:
    """Say whether lines of a file are steps; asked at every call of any function."""
    return any(name in file for name in TRACED)


def look(folder: Path) -> list[tuple[object, ...]]:
    """Describe everything below a folder by names, sizes, times and inodes."""
    found: list[tuple[object, ...]] = []
    folders = [os.fspath(folder)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    found.append((entry.path,))
                else:
                    stat = entry.stat(follow_symlinks=False)
                    found.append((entry.path, stat.st_size, stat.st_mtime_ns, stat.st_ino))
    return found


def in_child(job: Callable[[], Any]) -> tuple[int, Any]:
    """Do something in a process of its own; give how it ended and what it said."""
    heard, said = os.pipe()
    gc.freeze()  # or each child goes over all that is imported, and so copies its pages
    child = os.fork()
    if not child:
        os.close(heard)
        try:
            answer = json.dumps(job()).encode()
            with os.fdopen(said, "wb") as pipe:
                pipe.write(answer)
            os._exit(0)
        except BaseException:  # noqa: BLE001 (a child must not go on as its parent)
            traceback.print_exc()
            os._exit(1)
    os.close(said)
    with os.fdopen(heard, "rb") as pipe:
        answer = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, json.loads(answer) if answer else None


def prepared(operation: Any, folder: Path) -> tuple[dict[str, str], list[list[str]]]:
    """Make what an operation starts from and look at it.

    Looking also fills the caches of the process, so that every run takes the same steps.
    """
    operation.prepare(folder / "lake")
    return state(folder), findings(folder / "lake")


def whole(operation: Any, folder: Path) -> dict[str, Any]:
    """Let an operation live: what it starts from, what it makes, and where the disk changes."""
    root = folder / "lake"
    before, wrong = prepared(operation, folder)
    steps = Steps(folder)
    sys.settrace(steps)
    operation.act(root)
    sys.settrace(None)
    after = {"before": before, "wrong": wrong, "after": state(folder), "left": findings(root)}
    return {**after, "steps": steps.seen, "changes": steps.changes}


def dying(operation: Any, folder: Path, step: int, limit: int) -> None:
    """Die before a step, or in the middle of a file."""
    root = folder / "lake"
    prepared(operation, folder)
    if limit:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    sys.settrace(Steps(folder, step or -1))
    operation.act(root)
    sys.settrace(None)


def state(folder: Path) -> dict[str, str]:
    """Say what a lake and what lies beside it hold: chunks, frozen sets, revisions, other files."""
    lake = Lake(folder / "lake")
    found = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for kept in (lake.root / "candles", folder / "thawed" / "candles", folder)
        for path in (kept.glob("*.csv") if kept == folder else kept.rglob("*.parquet"))
    }
    for name, *_, digest in lake.frozen().rows():
        found[f"frozen {name}"] = f"broken {digest}" if lake.verify(name).height else digest
        for log in lake.root.glob(f"snapshots/{name}/candles/_delta_log/*.json"):
            found[f"published {name} {log.name}"] = "seen"
    for path in lake.root.glob("revisions/*/*/*.ndjson"):
        found.update(revisions(path))
    return found


def revisions(path: Path) -> dict[str, str]:
    """Give the finished lines of a log but for the moment they were seen."""
    lines = path.read_bytes().split(b"\n")[:-1]
    said = (line.split(b', "seen_at"')[0].decode() for line in lines)
    return {f"{path.stem} {line}": "logged" for line in said}


def findings(root: Path) -> list[list[str]]:
    return [list(row) for row in Lake(root).audit().select("path", "finding").rows()]


def check(operation: Any, folder: Path, known: dict[str, Any]) -> dict[str, Any]:
    """Say what speaks against what a killed operation left, and how much litter it left."""
    root, before, after = folder / "lake", known["before"], known["after"]
    why = mixed(state(folder), before, after)
    wrong = [each for each in findings(root) if each not in known["wrong"]]
    why += [f"found {each}" for each in wrong if each[1] not in LITTER]
    Lake(root).repair()
    why += [f"not repaired: {each}" for each in findings(root)]
    with suppress(InputError):  # a name that is taken, or gone: it had been done
        operation.act(root)
    then = state(folder)
    why += [
        f"then {key}"
        for key in sorted(then.keys() | after.keys())
        if then.get(key) != after.get(key)
    ]
    return {"why": why, "litter": len(wrong)}


def mixed(found: dict[str, str], before: dict[str, str], after: dict[str, str]) -> list[str]:
    """List what is neither as it was nor as it was to be."""
    return [
        f"neither old nor new: {key}"
        for key in sorted(found.keys() | before.keys() | after.keys())
        if found.get(key) not in {before.get(key), after.get(key)}
    ]


def kill(
    operation: Any, folder: Path, known: dict[str, Any], step: int, limit: int
) -> dict[str, Any]:
    """Kill an operation, and look at what it left with other eyes."""
    folder.mkdir(parents=True)
    code, _ = in_child(lambda: dying(operation, folder, step, limit))
    killed = code in {KILLED, -signal.SIGXFSZ}
    code, result = in_child(lambda: check(operation, folder, known))
    shutil.rmtree(folder)
    result = result or {"why": [f"looking ended with {code}"], "litter": 0}
    return {"step": step, "limit": limit, "killed": killed, **result}


def main() -> None:
    name, folder, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    operation = OPERATIONS[name]
    (folder / "whole").mkdir(parents=True)
    code, known = in_child(lambda: whole(operation, folder / "whole"))
    if code:
        sys.exit(f"{name} does not even work when it lives")
    changes = known["changes"]
    chosen = (
        changes
        if not count
        else sorted({changes[len(changes) * at // count] for at in range(count)})
    )
    points = [(step, 0) for step in chosen] + [
        (0, limit) for limit in (LIMITS if not count else LIMITS[2:3])
    ]
    kills = [
        kill(operation, folder / f"{step}-{limit}", known, step, limit) for step, limit in points
    ]
    told = {"operation": name, "steps": known["steps"], "states": len(changes), "kills": kills}
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main()
