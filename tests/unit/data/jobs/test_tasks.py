"""A request has one name, and its work is cut where the clock says, not where the gaps lie."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.jobs.tasks import BLOCK, BackfillRequest, Task, in_order, tasks
from marketkit.timeframe import TIMEFRAMES, parse_time

MINUTE = 60_000
MINUTES = TIMEFRAMES["1m"]


def wanted(**other):
    told = {"source": "upbit", "symbols": ("KRW-BTC",), "timeframe": "1m", "start": 0, "end": None}
    return BackfillRequest(**{**told, **other})


def test_the_same_request_has_the_same_name_after_any_way_through_the_ledger():
    assert wanted().id == wanted().id == BackfillRequest.read(wanted().write()).id
    assert BackfillRequest.read(wanted().write()) == wanted()


@pytest.mark.parametrize(
    "other",
    [
        {"symbols": ("KRW-*",)},
        {"timeframe": "1h"},
        {"start": 1},
        {"end": 9},
        {"source": "upbit_sg"},
    ],
)
def test_another_request_has_another_name(other):
    assert wanted(**other).id != wanted().id


def test_it_is_spelt_for_people():
    start = parse_time("2024-01-01")
    assert str(wanted(start=start)) == "KRW-BTC 1m 2024-01-01 to now"
    many = wanted(symbols=("KRW-A", "KRW-B"), start=start, end=start + MINUTE)
    assert str(many) == "2 symbols 1m 2024-01-01 to 2024-01-01T00:01:00Z"


def test_tasks_hold_every_slot_of_the_gaps_once_and_each_lies_in_one_block():
    gaps = Spans([(5 * MINUTE, 3 * BLOCK * MINUTE), (4 * BLOCK * MINUTE, (4 * BLOCK + 1) * MINUTE)])
    found = tasks("KRW-BTC", MINUTES, gaps)
    assert [task.block for task in found] == [4 * BLOCK, 2 * BLOCK, BLOCK, 0]
    assert sum(task.slots for task in found) == MINUTES.count_all(gaps)
    for task in found:
        assert task.block * MINUTE <= task.start < task.end
        assert task.end <= (task.block + BLOCK) * MINUTE


def test_overlapping_requests_have_their_common_blocks_in_common():
    long = tasks("KRW-BTC", MINUTES, Spans([(0, 3 * BLOCK * MINUTE)]))
    short = tasks("KRW-BTC", MINUTES, Spans([(BLOCK * MINUTE, 2 * BLOCK * MINUTE)]))
    assert set(short) <= set(long)


@pytest.mark.parametrize("name", ["1s", "1m", "1w", "1M", "1y"])
def test_every_timeframe_can_be_cut_from_its_beginning_to_its_end(name):
    timeframe = TIMEFRAMES[name]
    span = (timeframe.ceil(parse_time("2017-01-01")), timeframe.floor(parse_time("2026-01-01")))
    span = (max(span[0], span[1] - 3 * BLOCK * timeframe.width), span[1])
    found = tasks("KRW-BTC", timeframe, Spans([span]))
    assert sum(task.slots for task in found) == timeframe.count(*span)
    assert (found[-1].start, found[0].end) == (timeframe.ceil(span[0]), span[1])


def test_the_order_is_by_time_over_all_symbols_or_by_symbol():
    a, b, c = (Task("A", 0, 0, 10, 10), Task("A", 1, 10, 20, 10), Task("B", 1, 12, 20, 8))
    assert in_order([a, b, c], "newest") == [b, c, a]
    assert in_order([c, b, a], "oldest") == [a, b, c]
    assert in_order([c, a, b], "symbols") == [b, a, c]
