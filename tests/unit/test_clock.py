"""The clock for ages, and every use of the machine's own."""

from __future__ import annotations

import ast
import re
import time
from pathlib import Path
from typing import NamedTuple

import marketkit
from marketkit.clock import age_clock

ROOT = Path(marketkit.__file__).parent
# What gives the time of day; `strftime` and `localtime` do where nothing is given to them.
DAYTIME = {
    *("time.time", "time.time_ns", "machine_time"),
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("time.localtime", "time.gmtime", "time.strftime", "time.ctime"),
}
TAKES = {"time.localtime": 1, "time.gmtime": 1, "time.strftime": 2, "time.ctime": 1}
REASON = "# machine's clock:"


class Use(NamedTuple):
    """A place that reads the machine's clock; without a reason it should not."""

    file: str
    line: int
    what: str
    reason: str | None


def uses(root: Path = ROOT) -> list[Use]:
    """List every use of the machine's time of day below a folder, with the reason beside it."""
    return [use for path in sorted(root.rglob("*.py")) for use in _of_file(path, root)]


def _of_file(path: Path, root: Path) -> list[Use]:
    text = path.read_text("utf-8")
    lines = text.splitlines()
    return [
        Use(path.relative_to(root).as_posix(), node.lineno, what, _reason(lines, node.lineno))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and (what := ast.unparse(node.func)) in DAYTIME
        and len(node.args) < TAKES.get(what, 9)
    ]


def _reason(lines: list[str], number: int) -> str | None:
    """Give the reason at the end of a line, or in the comment that stands above it."""
    here = lines[number - 1].partition(REASON)[2]
    if here:
        return here.strip()
    above: list[str] = []
    for line in reversed(lines[: number - 1]):
        if not line.lstrip().startswith("#"):
            break
        above.insert(0, line.strip())
    if not above or not above[0].startswith(REASON):
        return None
    return " ".join(line.lstrip("# ") for line in above).partition(":")[2].strip()


def test_it_never_goes_back_and_keeps_up_with_the_time():
    before, start = age_clock(), time.monotonic()
    moments = [age_clock() for _ in range(1_000)]
    while time.monotonic() < start + 0.02:
        moments.append(age_clock())
    moments.append(age_clock())
    assert moments == sorted(moments)
    assert moments[-1] - before >= 19


def test_whatever_reads_the_machines_clock_says_why_that_is_right():
    assert [use for use in uses() if use.reason is None] == []


def test_a_use_without_a_reason_is_found(tmp_path):
    (tmp_path / "module.py").write_text(
        f"a = time.time()\n{REASON} because\n# it is so\nb = date.today()\n"
        "c = time.localtime(a)\nd = time.strftime('%H')\n"
    )
    found = [(use.line, use.what, use.reason) for use in uses(tmp_path)]
    assert found == [
        (1, "time.time", None),
        (4, "date.today", "because it is so"),
        (6, "time.strftime", None),
    ]


def test_no_age_of_a_file_is_judged_by_the_clock_of_the_process():
    """A file's date is of the file system's clock: see `disk.file_time`."""
    told = {"st_mtime", "st_ctime", "st_atime", "getmtime", "getctime"}
    for path in ROOT.rglob("*.py"):
        names = {
            node.attr
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Attribute)
        }
        assert not names & told, path  # in whole nanoseconds, to compare with each other


def test_no_test_patches_the_time_of_all_threads():
    """An event loop that looks at a clock made up by a test may sleep for hours."""
    everywhere = re.compile(
        r"""setattr\(\s*(\w+\.)?(time|asyncio),|setattr\(\s*["'](time|asyncio)\."""
    )
    tests = Path(__file__).resolve().parents[1]
    texts = {path: path.read_text("utf-8") for path in tests.rglob("*.py")}
    assert not [str(path) for path, text in texts.items() if everywhere.search(text)]
