"""Seconds that can no longer be fetched."""

from __future__ import annotations

import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.kept import GONE, KEPT, gone, lost, lost_to
from marketkit.data.lake.store.knowledge import Knowledge
from marketkit.errors import InvalidRange
from marketkit.timeframe import DAY, SECOND, TIMEFRAMES, parse_time
from marketkit.window import read_window

OLDEST = parse_time("2026-08-20")
SPAN = Span(OLDEST - DAY, OLDEST + DAY)
SECONDS = TIMEFRAMES["1s"]


def test_only_seconds_are_lost_with_time():
    assert lost(TIMEFRAMES["1m"], {"KRW-BTC": Spans()}, SPAN, OLDEST) == {}


def test_seconds_of_more_than_three_months_ago_are_surely_gone():
    assert gone(SECONDS, OLDEST + GONE - 1) == Spans([(0, OLDEST)])
    assert gone(TIMEFRAMES["1m"], OLDEST + GONE) == Spans()


def test_what_is_young_enough_is_not_lost():
    assert lost(SECONDS, {"KRW-BTC": Spans()}, Span(OLDEST, OLDEST + DAY), OLDEST) == {}


def test_what_the_lake_has_is_not_lost():
    held = Spans([(SPAN.start, OLDEST)])
    assert lost(SECONDS, {"KRW-BTC": held}, SPAN, OLDEST) == {}


def test_the_part_that_is_lost_is_named():
    held = {"KRW-BTC": Spans([(SPAN.start, OLDEST - 10 * SECOND)]), "KRW-ETH": Spans()}
    failures = lost(SECONDS, held, SPAN, OLDEST)
    assert set(failures) == {"KRW-BTC", "KRW-ETH"}
    assert "from 2026-08-19T23:59:50Z to 2026-08-20T00:00:00Z" in str(failures["KRW-BTC"])
    with pytest.raises(InvalidRange, match="from 2026-08-19T00:00:00Z to 2026-08-20T00:00:00Z"):
        raise failures["KRW-ETH"]


def test_symbols_that_lack_the_same_share_the_error():
    failures = lost(SECONDS, dict.fromkeys(("KRW-BTC", "KRW-ETH"), Spans()), SPAN, OLDEST)
    assert failures["KRW-BTC"] is failures["KRW-ETH"]


@pytest.mark.parametrize(
    ("asked", "found", "bound", "named"),
    [
        (("2026-08-19", None, None), 9, OLDEST, True),
        ((None, "2026-08-21", 10), 9, OLDEST + DAY, True),
        ((None, "2026-08-21", 10), 10, OLDEST, False),
        ((None, "2026-08-23", 10), 9, OLDEST + 2 * DAY, False),  # it was listed then
        ((None, None, 10), 9, OLDEST, False),
    ],
)
def test_an_answer_names_what_it_lacks_unless_it_counts_back_from_now(asked, found, bound, named):
    for timeframe, expected in (("1s", named), ("1m", False)):
        window = read_window(timeframe, *asked)
        known = {"KRW-BTC": Knowledge(window.timeframe, Spans(), bound)}
        failures = lost_to(window, known, SPAN, OLDEST + KEPT, lambda _: found)
        assert bool(failures) == expected
