"""Faults of the archive in one backfill: each is named, the rest is complete, and a run repairs."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.lake import Lake
from marketkit.timeframe import DAY, parse_time
from tests.archive.ingesting import DAYS, STEM, filled, sandbox

START, END = "2025-02-10", "2025-02-24"
FEBRUARY = "KRW-BTC_candle-60m_202502"
FAULTS = {  # by the day, and what the report says of that
    "11": ("403", {"symbol": ".zip", "times": None}, "refuses (403)"),
    "12": ("404", {"symbol": ".zip.checksum", "times": None}, "refuses (404)"),
    "13": ("wrong-checksum", {}, "twice"),
    "14": ("truncated-zip", {}, "is no whole zip"),
    "15": ("second-member", {"value": "b.csv"}, "holds 2 members"),
    "16": ("renamed-member", {"value": "other.csv"}, "holds 'other.csv'"),
    "17": ("renamed-member", {"value": "../../../evil.csv"}, "holds '../../../evil.csv'"),
    "18": ("wrong-header", {}, "has the header"),
    "19": ("rows-outside", {}, "outside of the period of its name"),
    "20": ("zip-bomb", {}, "unpacks to more than"),
    "21": ("republished", {"value": 0}, "a price that is not positive"),
}


@pytest.fixture
def exchange():
    with sandbox() as one:
        yield one


@pytest.fixture(autouse=True)
def _accepted(monkeypatch):
    monkeypatch.setenv("MARKETKIT_ARCHIVE_TERMS", "accepted")


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def day_files_only(exchange):
    exchange.strike("unlisted", None, path="archive", symbol=FEBRUARY)


def test_of_all_faults_at_once_each_is_named_the_rest_is_there_and_a_second_run_repairs(
    exchange, lake
):
    day_files_only(exchange)
    for day, (kind, more, _) in FAULTS.items():
        name = f"{FEBRUARY}{day}{more.get('symbol', '')}"
        options = {} if "value" not in more else {"value": more["value"]}
        exchange.strike(kind, more.get("times", 1), path="archive", symbol=name, **options)
    exchange.strike("slow", path="archive", symbol=f"{FEBRUARY}22.zip", value=5_000)
    exchange.strike("no-ranges", None, path="archive", symbol="zip")
    report = filled(exchange, lake.root, start=START, end=END)

    said = {each.key[-6:-4]: each.said for each in report.archive.troubles}
    assert set(said) == set(FAULTS)
    for day, (_, _, words) in FAULTS.items():
        assert words in said[day]
        assert f"{FEBRUARY}{day}.zip" in repr(report)
    assert (report.archive.files, report.unknown) == (14 - len(FAULTS), 24 * len(FAULTS))
    first = parse_time("2025-02-11")
    window = parse_time(START), parse_time(END)
    assert lake.missing("KRW-BTC", "1h", *window) == Spans([(first, first + len(FAULTS) * DAY)])
    assert lake.audit().is_empty()

    exchange.strike("none")
    day_files_only(exchange)
    again = filled(exchange, lake.root, start=START, end=END)
    assert (again.complete, again.archive.files, again.archive.troubles) == (True, len(FAULTS), [])
    assert not lake.missing("KRW-BTC", "1h", *window)
    assert lake.audit().is_empty()


@pytest.mark.parametrize("kind", ["slow", "no-ranges", "truncate", "reset", "500", "429"])
def test_what_passes_is_waited_for_and_nobody_is_told(exchange, lake, kind):
    more = {"value": 5_000} if kind == "slow" else {}
    exchange.strike(kind, 2, path="archive", symbol="zip", **more)
    report = filled(exchange, lake.root, end="2025-03-05")
    assert (report.complete, report.archive.files) == (True, len(DAYS))
    assert report.archive.troubles == []
    assert lake.audit().is_empty()


@pytest.mark.parametrize("status", ["403", "404"])
def test_a_file_that_the_listing_does_not_show_is_absent_and_comes_from_rest(
    exchange, lake, status
):
    exchange.strike("unlisted", None, path="archive", symbol=f"{STEM}02")
    exchange.strike(status, None, path="archive", symbol=f"{STEM}02.zip")
    report = filled(exchange, lake.root, end="2025-03-05")
    assert (report.complete, report.archive.files) == (True, len(DAYS) - 1)
    assert report.archive.troubles == []
    assert lake.audit().is_empty()
