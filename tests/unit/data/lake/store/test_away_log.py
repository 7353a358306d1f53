"""The log of revisions in a bucket: an object for each write, and nothing is told twice."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store import away_care, away_log
from marketkit.data.lake.store.merge import Revision
from marketkit.timeframe import MINUTE, TIMEFRAMES

BTC = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
ALL = "revisions/source=upbit"


@pytest.fixture
def revised(on_bucket, candles):
    lake = on_bucket()
    for close, moment in ((1.0, 10), (2.0, 20), (3.0, 30)):
        lake.append(
            "KRW-BTC", "1m", candles([0], close=close), Spans([(0, MINUTE)]), seen_at=moment
        )
    return lake


def told(lake):
    found = lake.revisions("KRW-BTC", "1m").filter(column="close")
    return list(zip(found["old"], found["new"], strict=True))


def test_each_write_is_an_object(revised):
    keys = sorted(key for key, _ in revised.objects.list(f"{ALL}/"))
    assert [key.rpartition("/")[2].split("-")[1] for key in keys] == [f"{20:015d}", f"{30:015d}"]


def test_every_machine_reads_the_same_log(revised, on_bucket):
    assert told(on_bucket("two")) == told(revised) == [(1.0, 2.0), (2.0, 3.0)]
    assert on_bucket("two").finality().equals(revised.finality())


def test_a_writer_who_tries_again_says_nothing_twice(revised):
    said = [Revision(0, "close", 3.0, 4.0)]
    for _ in range(2):
        away_log.record(revised.mirror, BTC, said, 40)
    away_log.record(revised.mirror, BTC, [], 50)
    assert len(list(revised.objects.list(f"{ALL}/"))) == 4
    assert told(revised) == [(1.0, 2.0), (2.0, 3.0), (3.0, 4.0)]


def test_writes_of_one_moment_are_told_in_their_order(revised):
    for old in range(3, 23):
        away_log.record(revised.mirror, BTC, [Revision(0, "close", old, old + 1)], 40)
    assert told(revised) == [(each, each + 1) for each in range(1, 23)]


def test_an_older_answer_that_was_written_later_comes_later(revised, on_bucket):
    for old, new, moment in ((3, 4, 50), (4, 5, 40)):
        away_log.record(revised.mirror, BTC, [Revision(0, "close", old, new)], moment)
    assert told(on_bucket("two"))[-2:] == [(3, 4), (4, 5)]


def test_the_log_goes_with_its_series(revised):
    assert told(revised)
    away_care.drop(revised.mirror, BTC)
    assert told(revised) == []
    assert not list(revised.objects.list(f"{ALL}/"))


def test_a_log_that_the_bucket_has_not_any_more_goes_here_too(revised, on_bucket):
    other = on_bucket("two")
    assert told(other)
    away_care.drop(revised.mirror, BTC)
    assert told(other) == []


def test_one_series_can_be_pulled_alone(revised):
    away_log.pull_series(revised.mirror, BTC)
    log = revised.root / "revisions/source=upbit/timeframe=1min/KRW-BTC.ndjson"
    assert len(log.read_text().splitlines()) == 10
