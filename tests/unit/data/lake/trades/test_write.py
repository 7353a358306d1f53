"""How trades enter the lake, and what is left when a writer dies or has company."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format.chunk import Stamp
from marketkit.data.lake.format.provenance import Provenance, Source
from marketkit.data.lake.trades.layout import TradeSeries
from marketkit.data.lake.trades.store import TradeStore
from marketkit.errors import CorruptFile, InputError, NotWritable
from tests.unit.data.lake.trades.conftest import DAY, FIRST, NOON, as_archived, make_trades

SERIES = TradeSeries("upbit", "KRW-BTC")
WHOLE = Spans([(FIRST, FIRST + DAY)])
APPENDER = Path(__file__).with_name("trade_appender.py")
APPENDING = runpy.run_path(str(APPENDER))
PAGE = APPENDING["make_page"](*APPENDING["PAGES"]["new"])
DEATHS = 9  # moments at which a writer dies: spread over all lines


def run(*arguments: object) -> tuple[int, str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, str(APPENDER), *map(str, arguments)]
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout


def everything(root: Path) -> tuple[list[float], Spans]:
    store = TradeStore(root)
    return store.read("KRW-BTC")["volume"].to_list(), store.covered("KRW-BTC")


def stamps(store) -> dict[str, Stamp]:
    files = (store.root / SERIES.folder).glob("*.parquet")
    return {path.name: Stamp.of(path.stat()) for path in files}


def test_pages_come_together_to_a_day(trades):
    trades.append("KRW-BTC", make_trades([NOON], [1]), Spans([(FIRST, NOON + 1)]))
    trades.append("KRW-BTC", make_trades([NOON + 5], [2]), Spans([(NOON + 1, FIRST + DAY)]))
    assert trades.covered("KRW-BTC") == WHOLE
    assert trades.read("KRW-BTC")["sequential_id"].to_list() == [1, 2]


def test_a_day_without_a_trade_is_proved_empty(trades):
    trades.append("KRW-BTC", make_trades([]), WHOLE)
    assert trades.covered("KRW-BTC") == WHOLE
    assert trades.read("KRW-BTC").is_empty()


def test_the_same_page_again_leaves_the_file_alone(trades):
    for _ in range(2):
        trades.append("KRW-BTC", make_trades([NOON]), WHOLE)
        before = stamps(trades)
    assert trades.append("KRW-BTC", make_trades([NOON]), WHOLE) == (0, 0)
    assert stamps(trades) == before


def test_a_republished_day_leaves_a_trace_of_what_changed(trades):
    def source(digest):
        return Provenance((Source("k.zip", digest, 1, None, NOON, FIRST, FIRST + DAY),))

    first, second = (as_archived(make_trades([NOON, NOON + 1], volumes=[1, v])) for v in (2, 3))
    trades.append("KRW-BTC", first, WHOLE, archive=source("a"))
    told = trades.append("KRW-BTC", second, WHOLE, archive=source("b"), seen_at=NOON + DAY)
    assert told == (2, 2)
    seen = trades.revisions()
    assert sorted(zip(seen["volume"], seen["came"], strict=True)) == [(2.0, False), (3.0, True)]
    assert trades.provenance()["sha256"].to_list() == ["b"]


def test_what_is_proved_stays_where_only_the_unknown_is_wanted(trades):
    trades.append("KRW-BTC", make_trades([NOON], volumes=[5]), Spans([(FIRST, NOON + 1)]))
    later = make_trades([NOON, NOON + 9], [None, None])
    trades.append("KRW-BTC", later, WHOLE, only_unknown=True)
    assert trades.read("KRW-BTC")["volume"].to_list() == [5, 2]


def test_a_broken_row_leaves_the_lake_unmade(trades):
    with pytest.raises(InputError):
        trades.append("KRW-BTC", make_trades([NOON], price=-1.0), WHOLE)
    assert not trades.root.exists()


def test_a_frozen_set_takes_no_trades(trades):
    trades.root.mkdir()
    (trades.root / "manifest.json").write_text("{}")
    with pytest.raises(NotWritable):
        trades.append("KRW-BTC", make_trades([NOON]), WHOLE)


def test_a_rotten_day_is_set_aside_and_asked_for_again(trades):
    trades.append("KRW-BTC", make_trades(range(NOON, NOON + 50)), WHOLE)
    path = trades.root / SERIES.path("2024-01-01")
    content = path.read_bytes()
    path.write_bytes(content[:50] + b"\xff\x00\xff" + content[53:])
    with pytest.raises(CorruptFile, match="backfill it again"):
        trades.append("KRW-BTC", make_trades([NOON]), WHOLE)
    assert trades.covered("KRW-BTC") == Spans()
    trades.append("KRW-BTC", make_trades([NOON]), WHOLE)
    assert trades.covered("KRW-BTC") == WHOLE


def test_many_writers_lose_nothing_of_each_other(trades):
    def write(number):
        span = Spans([(FIRST + number * 10, FIRST + number * 10 + 10)])
        rows = make_trades([FIRST + number * 10], [number + 1])
        return TradeStore(trades.root).append("KRW-BTC", rows, span)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(20)))
    assert trades.covered("KRW-BTC") == Spans([(FIRST, FIRST + 200)])
    assert trades.read("KRW-BTC")["sequential_id"].to_list() == list(range(1, 21))


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_leaves_each_day_old_or_new(tmp_path):
    """Killed at some lines between the first and the last."""
    origin = tmp_path / "origin"
    assert run(origin, "old", 0)[0] == 0
    old = everything(origin)
    shutil.copytree(origin, tmp_path / "whole")
    lines = int(run(tmp_path / "whole", "new", 0)[1])
    new = everything(tmp_path / "whole")
    half = ([*new[0][:23], *old[0][24:]], old[1])
    for number in range(DEATHS):
        root = tmp_path / f"killed-{number}"
        shutil.copytree(origin, root)
        assert run(root, "new", 1 + number * (lines - 1) // (DEATHS - 1))[0] == 9
        assert everything(root) in (old, half, new)
        rest = set(Lake(root).audit()["finding"])
        assert rest <= {"litter"}
        TradeStore(root).append("KRW-BTC", *PAGE)  # the lock is free, and the litter goes
        assert everything(root) == new
        assert Lake(root).audit().is_empty()
        shutil.rmtree(root)
