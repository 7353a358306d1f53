"""What files prove of a market: by rows, by range, by their names, and never what still ran."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.lake.transfer.claims import claim_of, runs
from marketkit.timeframe import MINUTE, TIMEFRAMES, parse_time
from tests.unit.data.lake.transfer.tables import START, sheet, table, terms


def claimed(*tables, **options):
    claim, faults = claim_of(*sheet(*tables), terms(**options))
    assert not faults
    return claim


def slots(spans):
    return [((start - START) // MINUTE, (end - START) // MINUTE) for start, end in spans]


def at(minutes):
    return START + minutes * MINUTE


def test_neighbours_are_one_run_and_months_too():
    months = [parse_time(f"2024-0{month}-01") for month in (1, 2, 4)]
    times = pl.Series(months)
    spans = [(parse_time("2024-01-01"), parse_time("2024-03-01"))]
    spans += [(parse_time("2024-04-01"), parse_time("2024-05-01"))]
    assert runs(TIMEFRAMES["1M"], times) == Spans(spans)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [(0, 2), (5, 6)]),
        ({"settled": True}, [(0, 2), (5, 6), (8, 9)]),
        ({"covering": "range"}, [(0, 8)]),
        ({"covering": "range", "settled": True}, [(0, 9)]),
        ({"covering": (at(-5), at(20))}, [(-5, 20)]),
        ({"now": at(6) - 1}, [(0, 2)]),
        ({"now": at(6), "covering": "range", "settled": True}, [(0, 6)]),
    ],
)
def test_a_file_claims_what_the_terms_let_it(options, expected):
    assert slots(claimed(table([8, 0, 1, 5]), **options).covering) == expected


def test_what_ended_after_the_file_was_written_is_shown_and_not_claimed():
    claim = claimed(table([0, 1, 5, 8], written=at(6) - 1), covering=(at(0), at(20)))
    assert slots(claim.covering) == [(0, 5)]
    assert claim.unsettled["time"].dt.minute().to_list() == [5, 8]


def test_a_name_says_what_is_covered_once_that_was_over():
    day = Span(at(0), at(1440))
    assert slots(claimed(table([3, 4], period=day)).covering) == [(0, 1440)]
    assert slots(claimed(table([3, 4], period=day, written=at(1400))).covering) == [(0, 4)]
    assert slots(claimed(table([3, 4], period=day), now=at(1400)).covering) == [(0, 4)]
    assert slots(claimed(table([], period=day)).covering) == [(0, 1440)]


def test_each_file_has_a_newest_row_of_its_own():
    claim = claimed(table([0, 1]), table([5, 6]))
    assert slots(claim.covering) == [(0, 1), (5, 6)]
    assert claim.unsettled["time"].dt.minute().to_list() == [1, 6]
    assert claim.rows["time"].dt.minute().to_list() == [0, 5]


def test_states_settle_and_leave_out():
    claim = claimed(table(range(4), state=["traded", "forming", None, "traded"]), covering="range")
    assert slots(claim.covering) == [(0, 1), (2, 4)]
    assert (claim.left_out, claim.unsettled.height) == (1, 0)


def test_rows_outside_of_what_is_said_are_a_fault_unless_forced():
    given = sheet(table([0, 30], period=Span(at(0), at(10))))
    _, faults = claim_of(*given, terms())
    assert "has a row of 2024-01-01T00:30:00Z, outside of what its name says" in faults[0]
    claim, faults = claim_of(*given, terms(force=True, settled=True))
    assert (slots(claim.covering), faults) == ([(0, 10), (30, 31)], {})
