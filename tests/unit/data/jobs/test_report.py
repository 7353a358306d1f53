"""The report of a backfill says how every slot stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from marketkit.data.jobs.report import Report
from marketkit.errors import BadResponse
from marketkit.timeframe import TIMEFRAMES, parse_time

REPORT = Report(
    symbols=("KRW-BTC",),
    timeframe=TIMEFRAMES["1m"],
    start=parse_time("2026-03-01"),
    end=parse_time("2026-03-02"),
    traded=1400,
    empty=30,
    absent=10,
    unknown=0,
    requests=8,
    rows=1400,
    revisions=0,
    seconds=1.5,
    failures={},
)


def test_slots_are_those_of_every_state():
    assert REPORT.slots == 1440


@pytest.mark.parametrize(
    ("change", "complete"),
    [({}, True), ({"unknown": 1}, False), ({"failures": {"KRW-BTC": BadResponse("cut")}}, False)],
)
def test_it_is_complete_when_nothing_is_unknown_and_nothing_failed(change, complete):
    report = replace(REPORT, **change)
    assert report.complete is complete
    assert ("INCOMPLETE" in repr(report)) is not complete


def test_it_names_one_symbol_and_counts_several():
    assert repr(REPORT).startswith("backfill of KRW-BTC 1m, 2026-03-01T00:00:00Z to 2026-03-02")
    several = replace(REPORT, symbols=("KRW-BTC", "KRW-ETH"))
    assert repr(several).startswith("backfill of 2 symbols 1m")


@pytest.mark.parametrize(
    ("symbols", "named"),
    [
        (("KRW-BTC",), "of KRW-BTC rests"),
        (("KRW-A", "KRW-B", "KRW-C"), "of KRW-A and 2 more rests"),
    ],
)
def test_a_beginning_of_which_one_answer_told_is_named(symbols, named):
    assert named in repr(replace(REPORT, unconfirmed=symbols)).splitlines()[-1]
    assert "rests" not in repr(REPORT)


def test_revisions_and_failures_have_lines_of_their_own():
    report = replace(REPORT, revisions=3, failures={"KRW-BTC": BadResponse("cut short")})
    lines = repr(report).splitlines()
    assert lines[-2:] == ["  3 numbers REVISED: see lake.revisions()", "  KRW-BTC: cut short"]
    assert "REVISED" not in repr(REPORT)
