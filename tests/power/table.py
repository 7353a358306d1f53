"""All writers traced, and all that a power cut may leave of their work judged.

`python -m tests.power.table FOLDER MOST [NAME...]` prints a JSON list of `judge.Row`; of each point
of a trace at most MOST states are tried, on an ordered disk and as many on any other.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from tests.power import strace
from tests.power.beside import MARK
from tests.power.judge import Judge, Row, trial_of
from tests.power.model import Tree
from tests.power.replay import Replay
from tests.power.writers import CARELESS, WRITERS, surround

ENOUGH = 12  # states of a point of a careless writer: so few steps that it costs nothing
ROOT = Path(__file__).resolve().parents[2]


def traced(folder: Path, names: list[str]) -> dict[str, Replay]:
    """Trace writers, and replay the calls of each; the folders that they made are compared."""
    log = folder / "calls.log"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-m", "tests.power.writers", str(folder / "worlds"), *names]
    (folder / "worlds").mkdir()
    strace.trace(command, log, environment)
    with log.open(encoding="ascii") as lines:
        several = strace.processes(strace.calls(lines))
    log.unlink()
    found: dict[str, Replay] = {}
    for calls in several.values():
        if (name := _writer(calls)) is not None:
            world = folder / "worlds" / name.replace(" ", "-")
            found[name] = Replay(str(world), MARK)
            found[name].run(calls)
            _compare(found[name], world)
    return found


def _writer(calls: list[strace.Call]) -> str | None:
    """Give the writer that calls are of, None for the process that made them all."""
    first = next((each for each in calls if each.name == "write"), None)
    said = b"" if first is None else strace.text(first.words[1])
    named = MARK + b"writer "
    return said.removeprefix(named).decode().strip() if said.startswith(named) else None


def _compare(replay: Replay, world: Path) -> None:
    """Raise where the model of a folder is not as the folder is."""
    files = Tree(replay.steps, 0, replay.top).live(len(replay.steps))
    there = {path.relative_to(world).as_posix(): path for path in world.rglob("*")}
    wrong = sorted(files.keys() ^ there.keys())
    wrong += [
        name
        for name, told in files.items()
        if told is not None and told[0].kind == "file" and there[name].read_bytes() != told[1]
    ]
    if wrong:
        raise AssertionError(f"{world.name}: the trace does not make {wrong}")


def rows(folder: Path, most: int, names: list[str]) -> list[Row]:
    """Trace and judge writers."""
    found = []
    for name, replay in traced(folder, names).items():
        world = folder / "worlds" / name.replace(" ", "-")
        surround(world)
        judge = Judge(name, world, replay.steps, replay.top)
        enough = max(most, ENOUGH) if name in CARELESS else most
        found.append(judge.run(trial_of((WRITERS | CARELESS)[name].looks), enough))
    return found


def main() -> None:
    folder, most, names = Path(sys.argv[1]).resolve(), int(sys.argv[2]), sys.argv[3:]
    told = [asdict(each) for each in rows(folder, most, names or list(WRITERS))]
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main()
