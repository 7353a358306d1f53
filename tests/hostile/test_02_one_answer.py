"""What one candle page alone says to be empty is asked again before it is proof."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from marketkit import schema
from marketkit.api.sync import SmartDataProvider
from marketkit.coverage import Spans
from marketkit.data.lake.format.seal import UNSEALED
from marketkit.data.lake.lake import Lake
from marketkit.sandbox import Sandbox
from marketkit.timeframe import DAY, TIMEFRAMES, parse_time
from tests.hostile.meddler import meddling
from tests.integration.conftest import FAST_LIMITS

NOW = "2026-11-20T10:17:30"
START, END = "2026-11-19T10:00", "2026-11-20T02:38"
SLOTS = 998
DAYS_END = "2026-11-19"
FAST = {"limit": (1000, 1.0), "speed": 0}


@pytest.fixture(scope="module")
def exchange():
    with Sandbox(seed=1, now=NOW, **FAST) as one:
        yield one


@pytest.fixture
def front(exchange):
    with meddling(exchange.endpoint) as one:
        yield one


def provider(front, tmp_path: Path) -> SmartDataProvider:
    return SmartDataProvider(endpoint=front.endpoint, lake=tmp_path / "lake", limits=FAST_LIMITS)


def filled(exchange, front, tmp_path, symbol="KRW-BTC"):
    """Backfill, and see that the lake says nothing but the truth; give how much it is sure of."""
    with provider(front, tmp_path) as one:
        report = one.backfill(symbol, "1m", start=START, end=END).wait()
    lake, minutes = Lake(tmp_path / "lake"), TIMEFRAMES["1m"]
    start, end = parse_time(START), parse_time(END)
    there = exchange.candles(symbol, "1m", start, end)["time"]
    known = set(lake.read(symbol, "1m", start, end)["time"].dt.epoch("ms").to_list())
    unknown = lake.missing(symbol, minutes, start, end)
    assert known
    lost = [time for time in there.to_list() if time not in known]
    assert [time for time in lost if time not in unknown] == []
    return report


def empty(answer):
    answer.rows = []


def newest_gone(answer):
    answer.rows = answer.rows[60:]


def hole(answer):
    rows = answer.rows
    answer.rows = rows[:80] + rows[100:]


def one_gone(answer):
    rows = answer.rows
    answer.rows = rows[:80] + rows[81:]


FAULTS = [empty, newest_gone, hole, one_gone]


@pytest.mark.parametrize("symbol", ["KRW-BTC", "KRW-XRP"])
@pytest.mark.parametrize("page", [0, 1, 3])
@pytest.mark.parametrize("fault", FAULTS)
def test_one_spoiled_page_loses_no_candle_and_proves_nothing_wrong(
    exchange, front, tmp_path, fault, page, symbol
):
    front.spoil = lambda answer: (
        fault(answer) if "/candles/" in answer.path and answer.number == page else None
    )
    report = filled(exchange, front, tmp_path, symbol)
    assert report.complete
    assert report.absent == 0


@pytest.mark.parametrize("fault", FAULTS)
def test_many_spoiled_pages_lose_no_candle(exchange, front, tmp_path, fault):
    front.spoil = lambda answer: (
        fault(answer) if "/candles/" in answer.path and answer.number % 3 == 1 else None
    )
    assert filled(exchange, front, tmp_path).complete


def poisoned(tmp_path):
    """A lake of an older marketkit, which one empty page in the middle of a history has ended."""
    lake = Lake(tmp_path / "lake")
    lake.append(
        "KRW-BTC",
        "1m",
        schema.empty(schema.ROW),
        Spans(),
        nothing_before=parse_time("2026-11-19T22:00"),
    )
    return lake


@pytest.mark.parametrize("how", [{"recheck": True}, {"verify": "3d"}])
@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_a_beginning_that_is_none_is_found_out_when_it_is_asked_again(front, tmp_path, how, order):
    poisoned(tmp_path)
    with provider(front, tmp_path) as one:
        before = one.backfill("KRW-BTC", "1m", start=START, end=END).wait()
        assert before.absent > 500
        after = one.backfill("KRW-BTC", "1m", start=START, end=END, order=order, **how).wait()
    assert (after.complete, after.absent) == (True, 0)


def test_a_beginning_that_is_one_stays_when_it_is_asked_again(exchange, front, tmp_path):
    with provider(front, tmp_path) as one:
        first = one.backfill("KRW-BTC", "1M", start="2016-01-01").wait()
        again = one.backfill("KRW-BTC", "1M", start="2016-01-01", recheck=True).wait()
    assert first.complete
    assert first.absent == again.absent > 0
    assert again.requests <= 2


def older(exchange, tmp_path, days):
    """A lake of an older marketkit, to which an empty page ended a history `days` after it began."""
    listed = exchange.candles("KRW-BTC", "1d", 0, parse_time(END))["time"].dt.epoch("ms")[0]
    lake = Lake(tmp_path / "lake")
    nothing = schema.empty(schema.ROW), Spans()
    lake.append("KRW-BTC", "1d", *nothing, nothing_before=listed + days * DAY)
    for path in lake.root.rglob("*.parquet"):
        table = pq.read_table(path, partitioning=None)
        said = json.loads(table.schema.metadata[b"marketkit"])
        for name in (*UNSEALED, "rests_on"):
            del said[name]
        marked = table.replace_schema_metadata({b"marketkit": json.dumps(said).encode()})
        pq.write_table(marked, path)
    (lake.root / "index.sqlite").unlink()
    return listed


def told(lake):
    """The first row of what a lake says of its beginnings."""
    row = lake.catalog().row(0, named=True)
    return int(row["nothing_before"].timestamp() * 1000), row["rests_on"]


@pytest.mark.parametrize("days", [0, 100])
def test_a_beginning_of_an_older_lake_rests_on_one_answer_until_it_is_asked_again(
    exchange, front, tmp_path, days
):
    listed, asked = older(exchange, tmp_path, days), {"start": "2016-01-01", "end": DAYS_END}
    lake = Lake(tmp_path / "lake")
    with provider(front, tmp_path) as one:
        before = one.backfill("KRW-BTC", "1d", **asked).wait()
        assert told(lake) == (listed + days * DAY, "one answer")
        assert before.unconfirmed == ("KRW-BTC",)
        assert "rests on ONE answer" in repr(before)
        after = one.backfill("KRW-BTC", "1d", recheck=True, **asked).wait()
    assert told(lake) == (listed, "two answers")
    assert after.complete
    assert "rests" not in repr(after)
    assert lake.audit().is_empty()


@pytest.mark.parametrize(("end", "word"), [(DAYS_END, "two answers"), ("2016-06-01", "months")])
def test_a_lake_its_frozen_sets_and_what_is_thawed_say_on_what_a_beginning_rests(
    front, tmp_path, end, word
):
    with provider(front, tmp_path) as one:
        report = one.backfill("KRW-BTC", "1d", start="2016-01-01", end=end).wait()
    assert report.unconfirmed == ()
    lake = Lake(tmp_path / "lake")
    said = told(lake)
    assert said[1] == word
    lake.freeze("study")
    assert lake.verify("study").is_empty()
    (lake.root / "index.sqlite").unlink()
    for each in (lake, lake.as_of("study"), lake.thaw("study", tmp_path / "new")):
        assert told(each) == said
