"""What leaves a bucket goes by its version, and damaged bytes are kept."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store import away_care
from marketkit.errors import CorruptFile
from marketkit.timeframe import MINUTE, TIMEFRAMES

BTC = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
KEY = BTC.path("1970-01")


@pytest.fixture
def filled(on_bucket, candles):
    lake = on_bucket()
    for close in (1.0, 2.0):
        lake.append("KRW-BTC", "1m", candles([0, MINUTE], close=close), Spans([(0, 3 * MINUTE)]))
    lake.append("KRW-ETH", "1m", candles([0], "KRW-ETH"), Spans([(0, MINUTE)]))
    return lake


def keys(lake, above=""):
    return [key for key, _ in lake.objects.list(above)]


def rot(lake, at):
    content, version = lake.objects.read(KEY)
    return lake.objects.put(KEY, content[:at] + b"?" + content[at + 1 :], version)


def test_a_dropped_series_is_gone_for_everybody_with_its_log(filled, on_bucket):
    size = filled.select("KRW-BTC", "1m").found["KRW-BTC"][1][0].stamp.size
    assert on_bucket("two").drop("KRW-BTC", "1m") == size
    assert filled.read(None, "1m")["symbol"].unique().to_list() == ["KRW-ETH"]
    assert filled.revisions().is_empty()
    assert filled.drop("KRW-BTC", "1m") == 0
    assert not [key for key in keys(filled) if "KRW-BTC" in key]


def test_what_is_replaced_while_it_is_dropped_goes_too(filled, candles, monkeypatch):
    bucket, real, done = filled.objects, filled.objects.delete, []

    def delete(key, version):
        if not done:
            done.append(key)
            content, seen = bucket.read(key)
            bucket.put(key, content + b"", seen)
        real(key, version)

    monkeypatch.setattr(bucket, "delete", delete)
    away_care.drop(filled.mirror, BTC)
    assert keys(filled, BTC.folder) == []


def test_of_chunks_that_go_as_they_were_seen_a_newer_one_stays_with_the_log(filled, candles):
    seen = filled.mirror.listed(BTC)
    filled.append("KRW-BTC", "1m", candles([0], close=3.0), Spans([(0, MINUTE)]))
    away_care.drop_seen(filled.mirror, BTC, seen)
    assert filled.read("KRW-BTC", "1m").height == 2
    assert filled.revisions("KRW-BTC").height > 0
    away_care.drop_seen(filled.mirror, BTC, filled.mirror.listed(BTC))
    assert not [key for key in keys(filled) if "KRW-BTC" in key]


def test_a_writer_sets_a_rotten_chunk_aside_and_says_where(filled, on_bucket, candles):
    rot(filled, 100)
    page = candles([2 * MINUTE]), Spans([(2 * MINUTE, 4 * MINUTE)])
    with pytest.raises(CorruptFile, match=r"corrupt/.*1970-01.*backfill them again"):
        on_bucket("two").append("KRW-BTC", "1m", *page)
    assert not filled.covered("KRW-BTC", "1m")
    assert [key for key in keys(filled, "corrupt/") if key.endswith(KEY)]
    filled.append("KRW-BTC", "1m", *page)
    assert filled.read("KRW-BTC", "1m").height == 1


def test_a_writer_sets_a_chunk_aside_whose_footer_rotted(filled, on_bucket, candles):
    content, _ = filled.objects.read(KEY)
    rot(filled, content.index(b"nothing_before"))
    with pytest.raises(CorruptFile, match="corrupt/"):
        on_bucket("two").append("KRW-BTC", "1m", candles([0]), Spans([(0, MINUTE)]))
    assert not filled.covered("KRW-BTC", "1m")


def test_nothing_is_set_aside_that_another_has_replaced(filled):
    stale = dict(filled.objects.list(KEY))[KEY]
    content, _ = filled.objects.read(KEY)
    filled.objects.put(KEY, content, stale)
    with pytest.raises(away_care.Conflict):
        away_care.set_aside(filled.mirror, KEY, stale, CorruptFile("old"))
    assert keys(filled, KEY) == [KEY]
