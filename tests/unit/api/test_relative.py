"""Ranges that count back from now go by the exchange's clock."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from marketkit.api.query import CallOptions, Query, Result
from marketkit.api.relative import by_its_clock, hear
from marketkit.errors import InvalidRange, Unreachable
from marketkit.schema import CANDLE, empty
from marketkit.timeframe import parse_time
from marketkit.window import read_window

NOW = parse_time("2026-11-26")


class Line:
    """A line to an exchange whose time is asked for."""

    def __init__(self, failure=None):
        self.clock = SimpleNamespace(is_heard=False)
        self.now = lambda: NOW
        self.asked, self.failure = 0, failure

    async def ask_time(self):
        """Tell the time, or fail."""
        self.asked += 1
        if self.failure:
            raise self.failure
        self.clock.is_heard = True


def query(said, *, sends=True):
    async def fetch():
        said.append("fetched")
        return Result(empty(CANDLE), {}, {})

    return Query("candle", "KRW-BTC", CallOptions(), fetch, sends=sends)


@pytest.mark.parametrize(
    ("times", "asked"), [(("-1d", None), 1), ((None, "-1h"), 1), (("2025-09-01", None), 0)]
)
def test_the_time_is_asked_for_once_and_only_where_a_range_counts_back(times, asked):
    line = Line()

    async def twice():
        await hear(line, *times)
        await hear(line, *times)

    asyncio.run(twice())
    assert line.asked == asked


def test_a_range_is_read_again_when_the_time_is_known():
    line, made, said = Line(), [], []

    def make(_):
        made.append(line.clock.is_heard)
        return query(said)

    found = by_its_clock(line, make, "-1d", None)
    assert found.recall() is None
    asyncio.run(found.fetch())
    assert (made, said) == ([False, True], ["fetched"])


def test_what_sends_nothing_asks_nobody():
    line = Line()
    made = query([], sends=False)
    assert by_its_clock(line, lambda _: made, "-1d", None) is made


def test_without_an_exchange_the_machines_clock_will_do():
    line, said = Line(Unreachable("away")), []
    asyncio.run(by_its_clock(line, lambda _: query(said), "-1d", None).fetch())
    assert said == ["fetched"]


def test_wrong_arguments_are_refused_before_anybody_is_asked():
    line = Line()

    def make(_):
        raise InvalidRange("start is not before end")

    with pytest.raises(InvalidRange):
        by_its_clock(line, make, "-1d", "-2d")
    assert line.asked == 0


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("-1h", "2026-11-20"),
        ("-30d", "2017-01-02"),
        ("2026-12-24", "-1h"),
        ("2026-12-24", "-9y"),
        ("-2d", "-1d"),
        ("-2d", None),
    ],
)
def test_a_clock_that_may_be_wrong_refuses_no_range(start, end):
    seen = []

    def make(now):
        seen.append(read_window("1m", start, end, None, now=now))
        return query([])

    by_its_clock(Line(), make, start, end)
    assert seen
