"""What a backfill asks for, by how the range it is given lies to what is covered already."""

from __future__ import annotations

import math

import pytest

from marketkit.coverage import Spans
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.lake import Lake
from marketkit.exchange.upbit.limits import UPBIT
from marketkit.net.transport import Transport
from marketkit.schema import ROW, empty
from marketkit.timeframe import TIMEFRAMES

MINUTE = 60_000
MINUTES = TIMEFRAMES["1m"]
RANGE = (1000, 2000)  # the minutes that are asked for


@pytest.fixture
def filler(tmp_path):
    """A filler whose exchange nobody will reach."""
    transport = Transport("http://127.0.0.1:9", UPBIT, timeout=1, budget_dir=tmp_path)
    return GapFiller(Lake(tmp_path / "lake"), transport, 60_000)


def cover(filler, *spans, nothing_before=None):
    covering = Spans((start * MINUTE, end * MINUTE) for start, end in spans)
    moment = None if nothing_before is None else nothing_before * MINUTE
    filler.lake.append("KRW-BTC", "1m", empty(ROW), covering, nothing_before=moment)


def asked(filler, again=(0, 0)):
    """Give the minutes that each walk asks for, and how many requests they take in all."""
    span = tuple(minute * MINUTE for minute in RANGE)
    window = tuple(minute * MINUTE for minute in again)
    plan = filler.plan(MINUTES, {"KRW-BTC": span}, again=window)
    walks = [(walk.start // MINUTE, walk.end // MINUTE) for walk in plan]
    return walks, sum(math.ceil((end - start) / 200) for start, end in walks)


@pytest.mark.parametrize(
    ("covered", "walks", "requests"),
    [
        pytest.param([(0, 900)], [(1000, 2000)], 5, id="none"),
        pytest.param([(900, 2100)], [], 0, id="complete"),
        pytest.param([(1300, 2100)], [(1000, 1300)], 2, id="coverage-starts-inside"),
        pytest.param([(900, 1500)], [(1500, 2000)], 3, id="coverage-ends-inside"),
        pytest.param(
            [(900, 1100), (1500, 1600), (1990, 2100)],
            [(1600, 1990), (1100, 1500)],
            4,
            id="fragmented",
        ),
        pytest.param(
            [(1000, 1500), (1510, 1600), (1610, 2000)],
            [(1500, 1610)],
            1,
            id="fragmented-within-a-page",
        ),
    ],
)
def test_each_relation_to_what_is_covered_asks_for_the_rest_alone(filler, covered, walks, requests):
    cover(filler, *covered)
    assert asked(filler) == (walks, requests)


def test_nothing_is_asked_before_the_listing_but_what_is_asked_again(filler):
    cover(filler, (1400, 1500), nothing_before=1400)
    assert asked(filler) == ([(1500, 2000)], 3)
    assert asked(filler, again=(1200, 2000)) == ([(1200, 2000)], 4)
    gaps = filler.gaps("KRW-BTC", MINUTES, (1000 * MINUTE, 2000 * MINUTE), absent=True)
    assert [(a // MINUTE, b // MINUTE) for a, b in gaps] == [(1000, 1400), (1500, 2000)]


@pytest.mark.parametrize(
    ("covered", "again", "walks"),
    [
        ([(900, 2100)], (1900, 2000), [(1900, 2000)]),
        ([(900, 2100)], (0, 3000), [(1000, 2000)]),
        ([(900, 2100)], (2000, 2100), []),
        ([(900, 1950)], (1900, 2000), [(1900, 2000)]),
        ([(1300, 2100)], (1600, 2000), [(1600, 2000), (1000, 1300)]),
        ([], (1900, 2000), [(1000, 2000)]),
    ],
)
def test_covered_slots_are_asked_again_where_that_is_wanted(filler, covered, again, walks):
    cover(filler, *covered)
    assert asked(filler, again)[0] == walks
