"""A process that kills writers between the journal and the chunks, and looks at what was left.

`journal.py FOLDER STRIDE` prints one JSON object. A writer dies in every state that its disk goes
through, and besides before each STRIDE-th line of the lake's own modules, and in the middle of a
file. Each time another process reads, audits, repairs, and does the same again.
"""

from __future__ import annotations

import json
import resource
import runpy
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from marketkit.data.lake import Lake
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store import pages
from marketkit.timeframe import TIMEFRAMES

HERE = Path(__file__).resolve().parent
MATRIX = runpy.run_path(str(HERE / "matrix.py"))
PAGE = runpy.run_path(str(HERE.parent / "unit" / "data" / "lake" / "appender.py"))["make_page"]
LIMITS = (40, 700, 1_500, 2_600)  # bytes of a file at which a writer is killed
SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
LITTER = {"litter", "index"}
pages._LARGE = 0
pages._AT_MOST = 4


def append(root: Path, first: int, end: int, volume: float) -> None:
    """Append a page; the moment that it is seen at is told by its volume."""
    rows, covering = PAGE(first, end, volume)
    Lake(root).append("KRW-BTC", "1m", rows, covering, seen_at=int(volume))


def prepare(root: Path, count: int) -> None:
    """Make two chunks, and `count` pages that wait for both or for one of them."""
    append(root, -30, 30, 1.0)
    lake = Lake(root)
    for number in range(count):
        rows, covering = PAGE(-9 + number, 7 + 9 * (number % 2), 2.0 + number)
        lake.append("KRW-BTC", "1m", rows, covering, seen_at=2 + number)


def by_who_knows_it(root: Path) -> None:
    """Append behind records as the one who wrote them, so that they are not taken in first."""
    lake = Lake(root)
    lake.journals.met.add(SERIES.folder)
    rows, covering = PAGE(-6, 12, 20.0)
    lake.append("KRW-BTC", "1m", rows, covering, seen_at=20)


def direct(root: Path) -> None:
    """Append a page that the journal does not take, while others wait."""
    rows, covering = PAGE(-6, 12, 20.0)
    moment = covering.hull.start - 1_800_000
    Lake(root).append("KRW-BTC", "1m", rows, covering, seen_at=20, nothing_before=moment)


Act = Callable[[Path], None]
OPERATIONS: dict[str, tuple[int, Act]] = {
    "the first record": (0, lambda root: append(root, -6, 12, 20.0)),
    "the next record": (2, by_who_knows_it),
    "a record that is one too many": (3, by_who_knows_it),
    "a page behind a journal of another": (2, lambda root: append(root, -6, 12, 20.0)),
    "a compaction": (3, lambda root: Lake(root).compact()),
    "a page that goes into chunks": (2, direct),
    "a drop": (2, lambda root: Lake(root).drop("KRW-BTC", "1m")),
}


def state(root: Path) -> dict[str, Any]:
    """Say what a lake tells: the rows and slots of each chunk, and the revisions."""
    lake, middle = Lake(root), 1_706_745_600_000
    found: dict[str, Any] = {}
    rows, covered = lake.read("KRW-BTC", "1m"), lake.covered("KRW-BTC", "1m")
    for name, (start, end) in {"older": (0, middle), "newer": (middle, 2 * middle)}.items():
        part = rows.filter(
            (rows["time"].dt.epoch("ms") >= start) & (rows["time"].dt.epoch("ms") < end)
        )
        found[name] = str(part.select("time", "volume").rows()) + repr(covered.clip(start, end))
    found["revisions"] = [str(row) for row in lake.revisions().rows()]
    return found


def whole(act: Act, folder: Path) -> dict[str, Any]:
    """Let an operation live; give what was, what is, and where the disk changed."""
    root = folder / "lake"
    before, steps = state(root), MATRIX["Steps"](folder)
    sys.settrace(steps)
    act(root)
    sys.settrace(None)
    return {"before": before, "after": state(root), "changes": steps.changes, "steps": steps.seen}


def dying(act: Act, folder: Path, step: int, limit: int) -> None:
    """Die before a step, or in the middle of a file."""
    state(folder / "lake")  # as where it lived: every run is to take the same steps
    if limit:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    sys.settrace(MATRIX["Steps"](folder, step or -1))
    act(folder / "lake")
    sys.settrace(None)


def check(act: Act, folder: Path, known: dict[str, Any]) -> list[str]:
    """Say what speaks against what a killed operation left."""
    root, before, after = folder / "lake", known["before"], known["after"]
    found, why = state(root), list[str]()
    why += [
        f"neither old nor new: {name}"
        for name in ("older", "newer")
        if found[name] not in (before[name], after[name])
    ]
    told = before["revisions"] if after["revisions"] else []  # with a series its log goes
    why += [f"lost {each}" for each in told if each not in found["revisions"]]
    mended = Lake(root).repair()
    why += [f"found {row}" for row in mended.rows() if row[3] not in LITTER]
    why += [f"not repaired: {row}" for row in Lake(root).audit().rows()]
    act(root)
    then = state(root)
    return why + [f"then {name}" for name in then if then[name] != after[name]]


def killed(name: str, folder: Path, stride: int) -> list[dict[str, Any]]:
    """Kill an operation at many of its steps."""
    count, act = OPERATIONS[name]
    in_child = MATRIX["in_child"]
    in_child(lambda: prepare(folder / "made" / "lake", count))
    shutil.copytree(folder / "made", folder / "whole")
    code, known = in_child(lambda: whole(act, folder / "whole"))
    if code:
        sys.exit(f"{name} does not even work when it lives")
    steps = {*known["changes"], *(range(stride, known["steps"], stride) if stride else ())}
    points = [(step, 0) for step in sorted(steps)] + [(0, limit) for limit in LIMITS]
    told = []
    for step, limit in points if stride else points[:: max(1, len(points) // 3)]:
        where = folder / f"{step}-{limit}"
        shutil.copytree(folder / "made", where)
        code, _ = in_child(lambda at=where, s=step, b=limit: dying(act, at, s, b))
        dead = code in {MATRIX["KILLED"], -signal.SIGXFSZ}
        ended, why = in_child(lambda at=where: check(act, at, known))
        shutil.rmtree(where)
        why = [f"looking ended with {ended}"] if why is None else why
        told.append({"what": name, "step": step, "limit": limit, "killed": dead, "why": why})
    return told


def main() -> None:
    """Kill every operation."""
    folder, stride = Path(sys.argv[1]), int(sys.argv[2])
    names = OPERATIONS if stride else list(OPERATIONS)[1:3]
    kills = [
        each for at, name in enumerate(names) for each in killed(name, folder / str(at), stride)
    ]
    print(json.dumps({"kills": kills}))  # noqa: T201


if __name__ == "__main__":
    main()
