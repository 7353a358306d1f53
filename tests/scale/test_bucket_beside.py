"""Beside the chunks of a bucket: unsettled candles and market lists of one machine are everybody's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.places.bucket import Bucket
from marketkit.data.lake.store.mirror import Mirror
from marketkit.data.lake.store.unsettled import Unsettled
from marketkit.timeframe import MINUTE, TIMEFRAMES
from tests.unit.data.lake.conftest import make_candles
from tests.unit.data.lake.test_markets import markets, moment

SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
URL = "memory://bucket/lake"
DAY = "2026-01-01"


class Meeting(Bucket):
    """A bucket in which, once, another writer comes first: before a put, or before a deletion."""

    meets: Callable[[], object] | None = None
    above: Meeting | None = None

    def put(self, key, *given):
        """Put an object, after the other has come."""
        (self.above or self).meet(key)
        return super().put(key, *given)

    def delete(self, key, *given):
        """Delete an object, after the other has come."""
        (self.above or self).meet(key)
        return super().delete(key, *given)

    def below(self, folder):
        """Give the part below a folder, where the other is met as well."""
        part = Meeting(f"{self.url}/{folder}", self._store.library)
        part.above = self
        return part

    def meet(self, key):
        """Have the other come, at the first object of a table."""
        if key.endswith(".parquet") and self.meets is not None:
            other, self.meets = self.meets, None
            other()


@pytest.fixture
def opened(tmp_path):
    """A lake in one bucket, as any machine has it."""
    memory = pytest.importorskip("obstore.store").MemoryStore()
    return lambda name: Lake(Mirror(tmp_path / name, URL, Meeting(URL, memory)))


def give(lake, *slots, volume=1.0):
    times = [slot * MINUTE for slot in slots]
    Unsettled(lake).keep(SERIES, make_candles(times, volume=volume))


def prove(lake, *slots):
    times = [slot * MINUTE for slot in slots]
    covered = Spans((time, time + MINUTE) for time in times)
    lake.append("KRW-BTC", "1m", make_candles(times), covered)


def unsettled(lake):
    """Give the slots and volumes of the unsettled candles."""
    rows = lake.unsettled("KRW-BTC")
    return {
        time // MINUTE: volume
        for time, volume in zip(rows["time"].dt.epoch("ms"), rows["volume"], strict=True)
    }


def test_each_machine_has_the_unsettled_candles_of_the_other_until_one_proves_them(opened):
    one, two = opened("one"), opened("two")
    prove(one, 9)
    give(one, 0, 1)
    give(two, 1, 2, volume=2.0)
    assert unsettled(one) == unsettled(two) == {0: 1.0, 1: 2.0, 2: 2.0}
    assert two.read("KRW-BTC", "1m").height == 4
    prove(two, 0, 1)
    assert unsettled(one) == unsettled(two) == unsettled(opened("three")) == {2: 2.0}
    assert one.covered("KRW-BTC", "1m") == Spans([(0, 2 * MINUTE), (9 * MINUTE, 10 * MINUTE)])


def test_unsettled_candles_that_two_give_at_once_are_all_kept(opened):
    one, two = opened("one"), opened("two")
    prove(one, 9)
    one.objects.meets = lambda: give(two, 1, volume=2.0)
    give(one, 0)
    one.objects.meets = lambda: give(two, 3, volume=2.0)
    give(one, 2)
    assert unsettled(one) == unsettled(two) == {0: 1.0, 1: 2.0, 2: 1.0, 3: 2.0}


def test_unsettled_candles_that_come_while_known_ones_are_dropped_are_kept(opened):
    one, two = opened("one"), opened("two")
    give(one, 0)
    prove(one, 0)
    one.objects.meets = lambda: give(two, 1, volume=2.0)
    give(one)
    assert one.objects.meets is None
    assert unsettled(one) == unsettled(opened("three")) == {1: 2.0}


def test_unsettled_candles_that_are_known_leave_nothing(opened):
    one = opened("one")
    give(one, 0)
    prove(opened("two"), 0)
    give(one)
    keys = [key for key, _ in one.objects.list("unsettled/")]
    assert keys == ["unsettled/lake.json"]


def keep(lake, *symbols, day=DAY):
    lake.universe.keep(markets(*symbols), moment(day), make=True)


def listed(lake, day=DAY):
    return lake.universe.at(date.fromisoformat(day))[0]["symbol"].to_list()


def test_each_machine_has_the_market_lists_of_the_other(opened):
    one, two = opened("one"), opened("two")
    keep(one, "KRW-BTC", "KRW-MATIC")
    keep(two, "KRW-BTC", "KRW-POL", day="2026-01-02")
    for lake in (one, two, opened("three")):
        assert lake.universe.days() == [date(2026, 1, 1), date(2026, 1, 2)]
        assert listed(lake) == ["KRW-BTC", "KRW-MATIC"]
        assert listed(lake, "2026-01-02") == ["KRW-BTC", "KRW-POL"]
        assert lake.universe.history()["symbol"].to_list() == ["KRW-BTC", "KRW-MATIC", "KRW-POL"]
        assert lake.universe.chronicle().ended


@pytest.mark.parametrize("at_once", [False, True])
def test_the_first_market_list_of_a_day_is_that_of_every_machine(opened, at_once):
    one, two = opened("one"), opened("two")
    if at_once:
        two.objects.meets = lambda: keep(one, "KRW-BTC", "KRW-MATIC")
    else:
        keep(one, "KRW-BTC", "KRW-MATIC")
    keep(two, "KRW-BTC")
    assert two.objects.meets is None
    for lake in (one, two, opened("two"), opened("three")):
        assert listed(lake) == ["KRW-BTC", "KRW-MATIC"]


def test_market_lists_that_waited_for_the_lake_are_everybodys_but_for_those_it_has(opened):
    one, two = opened("one"), opened("two")
    two.universe.keep(markets("KRW-BTC"), moment(DAY), make=False)
    two.universe.keep(markets("KRW-BTC"), moment("2026-01-02"), make=False)
    assert listed(two) == ["KRW-BTC"]
    keep(one, "KRW-BTC", "KRW-MATIC")
    keep(two, "KRW-POL", day="2026-01-03")
    for lake in (one, two, opened("three")):
        assert listed(lake) == ["KRW-BTC", "KRW-MATIC"]
        assert listed(lake, "2026-01-02") == ["KRW-BTC"]
        assert listed(lake, "2026-01-03") == ["KRW-POL"]
