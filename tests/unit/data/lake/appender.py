"""A process of its own that appends to a lake, and may be killed at a line of the library.

`appender.py ROOT page NAME LINE` appends the page of that name and kills itself before the LINE-th
line that the lake's own modules execute; at the end it prints how many there were.
`appender.py FOLDER dying NAME LINE...` does so for each line, to the lake in the folder of that
number, and prints how each ended: a child of a process that has imported all costs a tenth.
`appender.py ROOT pages FIRST STEP COUNT` appends COUNT pages of five slots, each STEP pages apart;
with `journal` in place of `pages` through the journal.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.store import pages
from marketkit.schema import ROW, TIME

MINUTE = 60_000
FEBRUARY = 1_706_745_600_000  # 2024-02-01T00:00Z, where one chunk ends and the next begins
PAGES = {"old": (-30, 10, 1.0), "new": (-15, 25, 2.0)}  # first slot, end, volume
LIBRARY = (
    str(Path("marketkit") / "data" / "lake") + os.sep,
    str(Path("marketkit") / "disk" / "__init__.py"),
)


def make_page(first: int, end: int, volume: float) -> tuple[pl.DataFrame, Spans]:
    """Make candles in two of three slots of a span, counted in minutes from February on."""
    slots = [slot for slot in range(first, end) if slot % 3]
    frame = pl.DataFrame({"time": [FEBRUARY + slot * MINUTE for slot in slots]})
    prices = dict.fromkeys(("open", "high", "low", "close"), 100.0)
    values = {"symbol": "KRW-BTC", **prices, "volume": volume, "value": 100.0}
    rows = frame.with_columns(
        pl.col("time").cast(TIME), *(pl.lit(value).alias(name) for name, value in values.items())
    )
    covering = Spans([(FEBRUARY + first * MINUTE, FEBRUARY + end * MINUTE)])
    return rows.select(*ROW), covering


class Death:
    """Counts the lines of the lake that run, and dies before one of them."""

    def __init__(self, line: int) -> None:
        self.left = line
        self.seen = 0

    def __call__(self, frame, event, _argument):
        """Trace only the modules of the lake."""
        if not any(part in frame.f_code.co_filename for part in LIBRARY):
            return None
        if event == "line":
            self.seen += 1
            if self.seen == self.left:
                os._exit(9)  # as `kill -9` would: no handler, no flush, no unlock
        return self


def append_page(root: str, name: str, line: int) -> None:
    """Append a page and die on the way; `line` 0 lives."""
    rows, covering = make_page(*PAGES[name])
    lake = Lake(root)
    death = Death(line)
    sys.settrace(death)
    lake.append("KRW-BTC", "1m", rows, covering, nothing_before=FEBRUARY - 20 * MINUTE)
    sys.settrace(None)
    print(death.seen)  # noqa: T201


def die_at(folder: str, name: str, lines: list[int]) -> None:
    """Append a page to a lake for each line, in a process of its own that dies there."""
    codes = [_dead_at(f"{folder}/{line}", name, line) for line in lines]
    print(json.dumps(codes))  # noqa: T201


def _dead_at(root: str, name: str, line: int) -> int:
    if not hasattr(os, "fork"):
        command = [sys.executable, __file__, root, "page", name, str(line)]
        return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    gc.freeze()  # or each child goes over all that is imported, and so copies its pages
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        append_page(root, name, line)
    finally:
        os._exit(0)  # a child must not go on as its parent


def append_pages(root: str, first: int, step: int, count: int) -> None:
    """Append many small pages to one series."""
    lake = Lake(root)
    for number in range(first, first + step * count, step):
        rows, covering = make_page(number * 5, number * 5 + 5, 1.0)
        lake.append("KRW-BTC", "1m", rows, covering)


if __name__ == "__main__":
    root, what, *rest = sys.argv[1:]
    if what == "journal":
        pages._LARGE = 0
    if what == "page":
        append_page(root, rest[0], int(rest[1]))
    elif what == "dying":
        die_at(root, rest[0], list(map(int, rest[1:])))
    else:
        append_pages(root, *map(int, rest))
