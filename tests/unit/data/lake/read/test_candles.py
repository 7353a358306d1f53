"""What a lake alone answers."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.read.candles import from_lake, newest_slots
from marketkit.errors import NotCovered
from marketkit.timeframe import HOUR, MINUTE, TIMEFRAMES, parse_time
from marketkit.window import read_window
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2024-01-01")


@pytest.fixture
def lake(tmp_path):
    """Ten hours of minutes; BTC trades every seventh, ETH is known from the second hour on."""
    lake = Lake(tmp_path / "lake")
    for symbol, first in (("KRW-BTC", START), ("KRW-ETH", START + HOUR)):
        times = range(first, START + 10 * HOUR, 7 * MINUTE)
        covering = Spans([(first, START + 10 * HOUR)])
        lake.append(symbol, "1m", make_candles(times, symbol), covering)
    return lake


def test_without_a_range_everything_that_is_proved_is_given(lake):
    answer = from_lake(lake, ["KRW-ETH", "KRW-BTC"], read_window("1m", None, None, None))
    assert not answer.failures
    assert answer.frame.drop("state").equals(lake.read(None, "1m"))


def test_symbols_that_are_not_known_fail_without_the_others(lake):
    window = read_window("1m", "2024-01-01", "2024-01-01T02:00", None)
    answer = from_lake(lake, ["KRW-BTC", "KRW-ETH", "KRW-XRP"], window)
    assert set(answer.failures) == {"KRW-ETH", "KRW-XRP"}
    assert all(isinstance(failure, NotCovered) for failure in answer.failures.values())
    assert answer.frame["symbol"].unique().to_list() == ["KRW-BTC"]


def test_a_glob_finds_what_narrower_candles_can_answer(lake):
    answer = from_lake(lake, ["KRW-*"], read_window("1h", None, None, None))
    assert answer.frame["symbol"].value_counts(sort=True).rows() == [
        ("KRW-BTC", 10),
        ("KRW-ETH", 9),
    ]


@pytest.mark.parametrize(("fill", "reach"), [("none", 35), ("forward", 5)])
def test_a_count_is_of_candles_or_of_slots_if_they_are_filled(lake, fill, reach):
    window = read_window("1m", None, "2024-01-01T09:00", 5, fill=fill)
    frame = from_lake(lake, ["KRW-BTC"], window).frame
    assert frame.height == 5
    assert frame["time"].cast(int)[0] >= START + 9 * HOUR - reach * MINUTE


def test_the_newest_slots_may_lie_in_several_spans():
    minute = TIMEFRAMES["1m"]
    covered = Spans([(0, 5 * MINUTE), (8 * MINUTE, 10 * MINUTE)])
    starts = [newest_slots(minute, covered, count) for count in (1, 2, 3, 7, 99)]
    assert starts == [each * MINUTE for each in (9, 8, 4, 0, 0)]
    assert newest_slots(minute, Spans(), 1) is None
