"""A backfill with the archive that is killed at any moment goes on, and fetches nothing twice."""

from __future__ import annotations

import random
import subprocess
import sys
import textwrap
import time

import pytest

from marketkit.data.lake.lake import Lake
from marketkit.net.archive.basket import Basket
from marketkit.settings import archive_dir
from marketkit.timeframe import parse_time
from tests.archive.ingesting import START, filled, sandbox
from tests.waiting import PATIENCE

FROM, END = "2025-02-15", "2025-03-05"
KILLS = 30
PROGRAM = textwrap.dedent(f"""
    import sys
    from marketkit.api.sync import SmartDataProvider

    mk = SmartDataProvider(endpoint=sys.argv[1], lake=sys.argv[2])
    print("begun", flush=True)
    mk.backfill("KRW-BTC", "1m", start=sys.argv[3], end="{END}", archive=True, show=False).wait()
""")

pytestmark = pytest.mark.slow


@pytest.fixture
def exchange():
    with sandbox() as one:
        yield one


def keys(exchange):
    paths = [each["path"] for each in exchange.requests()]
    return [each.removeprefix("/archive/") for each in paths if each.endswith(".zip")]


def killed(exchange, lake, seconds, *, downloading):
    """Kill a backfill so long after it began, or after it asked for a file."""
    words = [sys.executable, "-c", PROGRAM, exchange.endpoint, str(lake.root), FROM]
    before = len(keys(exchange))
    program = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    program.stdout.readline()
    ends = time.monotonic() + PATIENCE
    while downloading and len(keys(exchange)) == before and program.poll() is None:
        assert time.monotonic() < ends
        time.sleep(0.02)
    time.sleep(seconds)
    program.kill()
    program.communicate()


def test_kills_at_thirty_moments_lose_nothing_and_no_finished_file_is_fetched_again(
    exchange, tmp_path, monkeypatch
):
    monkeypatch.setenv("MARKETKIT_ARCHIVE_TERMS", "accepted")
    exchange.strike("unlisted", None, path="archive", symbol="KRW-BTC_candle-1m_202502")
    exchange.strike("slow", None, path="archive", symbol="zip", value=20_000)  # 3 s a file
    folder, chance = archive_dir(exchange.archive), random.Random(5)
    lake, finished, seen = Lake(tmp_path / "lake"), set[str](), set[str]()
    for moment in range(KILLS):
        before = len(keys(exchange))
        killed(exchange, lake, chance.uniform(0, 1), downloading=moment % 3 > 0)
        assert not finished & set(keys(exchange)[before:])
        finished = {*Basket(folder).lying(), *lake.provenance("KRW-BTC", "1m")["key"]}
        seen |= finished
        assert seen == finished  # nothing is lost: neither a zip nor what the lake has of it
    exchange.strike("none")
    exchange.strike("unlisted", None, path="archive", symbol="KRW-BTC_candle-1m_202502")
    before = len(keys(exchange))
    assert filled(exchange, lake.root, width="1m", start=FROM, end=END).complete
    assert not finished & set(keys(exchange)[before:])
    assert list(folder.rglob("*.zip")) == []
    filled(exchange, tmp_path / "rest", width="1m", start=FROM, end=END, archive=False)
    window = "KRW-BTC", "1m", parse_time(FROM), parse_time(END)
    assert lake.read(*window).equals(Lake(tmp_path / "rest").read(*window))
    lake.repair()
    assert lake.audit().is_empty()


def test_two_processes_at_one_job_share_the_files(exchange, tmp_path, monkeypatch):
    monkeypatch.setenv("MARKETKIT_ARCHIVE_TERMS", "accepted")
    lake = Lake(tmp_path / "lake")
    words = [sys.executable, "-c", PROGRAM, exchange.endpoint, str(lake.root), START]
    programs = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(2)]
    for program in programs:
        program.communicate(timeout=PATIENCE)
        assert program.returncode == 0
    assert len(keys(exchange)) == len(set(keys(exchange))) == 4
    assert not lake.missing("KRW-BTC", "1m", parse_time(START), parse_time(END))
    assert lake.audit().is_empty()
