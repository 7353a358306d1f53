"""Run a selection of the tests under other clocks: `.ci/clocks`, a step of `.ci/run`.

All of `tests/unit`, the parts of `tests/integration` below and the first notebook are dealt to the
clocks of other days, so that each runs under one of them. A file of unit tests that has to do with
the clock runs under all clocks: one that reads it, or whose module does. To see who is dealt where: `.ci/clocks --list`.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import faketime  # beside this file

ROOT = Path(__file__).parents[2]
INTEGRATION = ("scheduled", "readme", "jobs", "live", "cold_calls")  # readme has the demonstration
AT_ONCE = 4  # tests wait more than they compute
STUCK = 90  # seconds of one test after which its stacks are written down
LONGEST = 900  # seconds of one clock, twice what it takes on two busy cores
READS = re.compile(r"\btime\.time(_ns)?\(|datetime\.now\(|date\.today\(|\b(machine|file)_time\(")


class Shift(NamedTuple):
    """A clock: how many seconds it is ahead, the time zone of the machine, what runs under it."""

    name: str
    seconds: int = 0
    zone: str = "UTC"
    for_all: bool = False


def shifts(now: datetime) -> list[Shift]:
    """Give the clocks that a run goes under, those of other days first."""
    midnight = now.replace(hour=23, minute=59, second=50) - now
    ahead = (datetime(year, 2, 29, 12, tzinfo=UTC) for year in _leap_years(now.year + 1))
    return [
        Shift("a day ahead", 86_400, for_all=True),
        Shift("40 days ahead", 40 * 86_400, for_all=True),
        Shift("400 days ahead", 400 * 86_400, for_all=True),
        Shift("29 February", round((next(ahead) - now).total_seconds()), for_all=True),
        Shift("10 s before midnight", round((midnight % timedelta(days=1)).total_seconds())),
        Shift("New York", zone="America/New_York"),
        Shift("Seoul", zone="Asia/Seoul"),
    ]


def _leap_years(first: int) -> Iterator[int]:
    return (year for year in itertools.count(first) if year % 4 == 0 and year % 100)


def selection() -> list[Path]:
    """Give the test files that are run."""
    integration = (ROOT / "tests" / "integration" / f"test_{name}.py" for name in INTEGRATION)
    return [*sorted((ROOT / "tests" / "unit").rglob("test_*.py")), *integration]


def is_about_clocks(path: Path) -> bool:
    """Say whether a file reads the machine's clock, or the module that it mirrors does."""
    module = path.relative_to(ROOT / "tests" / "unit").with_name(path.name.removeprefix("test_"))
    both = (path, ROOT / "marketkit" / module)
    return any(READS.search(each.read_text("utf-8")) for each in both if each.is_file())


def dealt(files: list[Path], clocks: list[Shift]) -> dict[Shift, list[Path]]:
    """Deal the files: those about clocks to all, of the others each to one, by their size."""
    unit = {path: "unit" in path.parts for path in files}
    everywhere = [path for path in files if unit[path] and is_about_clocks(path)]
    hands = {clock: list(everywhere) for clock in clocks}
    weights = {clock: 0.0 for clock in clocks if clock.for_all} or dict.fromkeys(clocks, 0.0)
    others = set(files) - set(everywhere)
    for path in sorted(others, key=lambda path: (-_weight(path), path)):
        lightest = min(weights, key=lambda clock: weights[clock])
        hands[lightest].append(path)
        weights[lightest] += _weight(path)
    return hands


def _weight(path: Path) -> float:
    """Guess how long a file takes: tests on sockets wait ten times as long."""
    return path.stat().st_size * (1 if "unit" in path.parts else 10)


def run(clock: Shift, arguments: list[str], library: Path | None) -> tuple[int, str]:
    """Run tests under a clock; give pytest's code and what it said."""
    environment = {**os.environ, "TZ": clock.zone}
    if clock.seconds and library is not None:
        environment = faketime.around(environment)
        environment |= {"LD_PRELOAD": str(library), "FAKETIME": f"+{clock.seconds}"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    command += ["-o", f"faulthandler_timeout={STUCK}", "-o", "faulthandler_exit_on_timeout=false"]
    began = time.monotonic()
    # A folder of its own: a pytest of a later day takes those of the others for left behind.
    with tempfile.TemporaryDirectory(prefix="clocks-", ignore_cleanup_errors=True) as folder:
        command += ["--basetemp", str(Path(folder) / "tests")]
        code, said = _finish(command, environment)
        if code is None:
            told = "did not end; once more, after where it was:"
            print(f"{clock.name:22} {told}\n{said}", flush=True)  # noqa: T201
            code, said = _finish(command, environment)
    last = said.rstrip().rsplit("\n", 1)[-1]
    print(f"{clock.name:22} {time.monotonic() - began:5.0f} s  {last}", flush=True)  # noqa: T201
    return (1 if code is None else code), said


def _finish(command: list[str], environment: dict[str, str]) -> tuple[int | None, str]:
    """Run a command; give its code (None: killed, it was too long) and what it said.

    It writes to a file: a pipe would be waited for as long as any child that it left has it open.
    """
    with tempfile.TemporaryFile() as said:
        options = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": subprocess.STDOUT}
        with subprocess.Popen(command, cwd=ROOT, env=environment, **options) as running:
            try:
                code = running.wait(LONGEST)
            except subprocess.TimeoutExpired:
                running.kill()
                code = None
        said.seek(0)
        return code, said.read().decode(errors="replace")


def main() -> int:
    """Run everything; give the exit code."""
    library, now = faketime.library(), datetime.now(UTC)
    clocks = [clock for clock in shifts(now) if library is not None or not clock.seconds]
    hands = dealt(selection(), clocks)
    if "--list" in sys.argv:
        for clock, files in hands.items():
            print(clock.name, *(f"  {path.relative_to(ROOT)}" for path in files), sep="\n")  # noqa: T201
        return 0
    if library is None:
        print("!! NO LIBFAKETIME HERE: no test ran on another day (apt-get install faketime) !!")  # noqa: T201
    work = [(clock, [str(path) for path in files]) for clock, files in hands.items()]
    notebook = min((ROOT / "notebooks").glob("*.ipynb"))
    work.append((clocks[0], ["--nbval", str(notebook)]))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda each: run(*each, library), work))
    for code, said in results:
        if code:
            print(said)  # noqa: T201
    return int(any(code for code, _ in results))  # one that a signal ended has a negative one


if __name__ == "__main__":
    sys.exit(main())
