"""The place that pages enter: a folder, or a bucket, in the same words."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.chunk import describe
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.objects import Conflict
from marketkit.data.lake.store.merge import Revision
from marketkit.errors import NotWritable
from marketkit.timeframe import MINUTE, TIMEFRAMES

BTC = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])


def test_a_folder_and_a_bucket_name_themselves(lake, on_bucket):
    assert lake._place.where == str(lake.root)
    assert on_bucket()._place.where == "memory://team/upbit"


def test_chunk_and_log_go_where_the_lake_is(lake, on_bucket, candles):
    rows = candles([0])
    footer = describe(rows, Spans([(0, MINUTE)]), None)
    for each in (lake, on_bucket()):
        place = each._place
        (each.root / BTC.folder).mkdir(parents=True)
        with place.writable():
            place.record(BTC, [Revision(0, "close", 1.0, 100.0)], 7)
            place.put(BTC, "1970-01", rows, footer, None)
        assert each.read("KRW-BTC", "1m").equals(rows)
        assert each.revisions().height == 1


def test_of_two_writers_of_a_bucket_one_comes_first(on_bucket, candles):
    place, footer = on_bucket()._place, describe(candles([0]), Spans([(0, MINUTE)]), None)
    place.put(BTC, "1970-01", candles([0]), footer, None)
    with pytest.raises(Conflict):
        on_bucket("two")._place.put(BTC, "1970-01", candles([0]), footer, None)


def test_a_disk_that_takes_nothing_is_not_writable(lake):
    with (
        pytest.raises(NotWritable, match=f"{lake.root} cannot be written: full"),
        lake._place.writable(),
    ):
        raise OSError("full")
