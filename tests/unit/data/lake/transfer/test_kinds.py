"""Rows are candles, word that nothing traded, or left out; impossible ones refuse their file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.transfer.kinds import EMPTY, LEFT, TRADED, broken
from marketkit.timeframe import TIMEFRAMES
from tests.unit.data.lake.transfer.tables import sheet, table

SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
BARE = dict.fromkeys(("open", "high", "low", "close"))


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({}, TRADED),
        ({"volume": 0.0, "value": 0.0}, EMPTY),
        ({"volume": 0.0, "value": None}, EMPTY),
        ({"volume": 0.0, "value": 1.0}, TRADED),
        ({"volume": 0.0, "value": 0.0, "high": 101.0}, TRADED),
        ({**BARE, "volume": None, "value": None}, EMPTY),
        ({**BARE, "volume": 0.0, "value": 0.0}, EMPTY),
        ({**BARE, "volume": 1.0}, TRADED),
        ({"state": "empty"}, EMPTY),
        ({"state": "traded"}, TRADED),
        ({"state": "forming"}, LEFT),
        ({"state": "unknown", "volume": 0.0, "value": 0.0}, LEFT),
    ],
)
def test_a_row_is_what_its_numbers_and_its_state_say(columns, kind):
    assert sheet(table([0], **columns))[0].rows["kind"].to_list() == [kind]


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({"open": 0.0}, "a price that is not positive"),
        ({"high": 99.0}, "high is not the highest"),
        ({"volume": None}, "a null"),
        ({"volume": -1.0}, "a negative volume"),
        ({"state": "empty"}, "state says empty, and the volume is not 0"),
        ({"time": [0, 1]}, "time is no slot of 1m"),
        ({"time": [0, -60_000]}, "outside the years"),
        ({"time": [0, 60_000_000 * 60_000_000]}, "outside the years"),
    ],
)
def test_an_impossible_row_refuses_its_file_with_place_and_numbers(columns, match):
    good, bad = table([5, 6]), table([0, 1], **columns)
    faults = broken(sheet(good, bad)[0], SERIES)
    assert list(faults) == [1]
    assert match in faults[1]
    assert "the first is row " in faults[1]


def test_a_row_without_a_time_is_named():
    assert broken(sheet(table([0, 1], time=[0, None]))[0], SERIES) == {0: "row 2 has no time"}


def test_a_file_of_a_wider_timeframe_is_known_among_others():
    faults = broken(sheet(table(range(5)), table(range(0, 600, 60)))[0], SERIES)
    assert list(faults) == [1]
    assert "say timeframe='1h'" in faults[1]


def test_what_is_left_out_need_be_no_candle():
    given = sheet(table([0], state="forming", high=1.0))[0]
    assert broken(replace(given), SERIES) == {}


def test_minutes_that_are_taken_for_hours_are_told_what_they_are():
    hours = Series("upbit", "KRW-BTC", TIMEFRAMES["1h"])
    (fault,) = broken(sheet(table(range(30)))[0], hours).values()
    assert "29 rows refused: time is no slot of 1h" in fault
    assert fault.endswith(": say timeframe='1m'")
    (fault,) = broken(sheet(table([0], time=[1]))[0], hours).values()
    assert "timeframe=" not in fault
