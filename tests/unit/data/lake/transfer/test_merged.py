"""The report of a merge: counts, the differences behind, and words for people and programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from marketkit.coverage import Span
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store.met import met
from marketkit.data.lake.transfer.merged import LAKES_DIFFER, MergeReport, SeriesMerge, listed
from marketkit.errors import CorruptFile, Incomplete
from marketkit.timeframe import MINUTE, TIMEFRAMES
from tests.unit.data.lake.conftest import make_candles

SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])


@pytest.fixture
def report(january):
    def make(prefer="lake", **failures):
        a, b = make_candles([january]), make_candles([january], volume=2.0)
        result = SeriesMerge(
            SERIES, Span(january, january + MINUTE), 7, 5, 1, 3, 2, 0, listed(SERIES, met(a, b))
        )
        broken = {("KRW-ETH", "1m"): CorruptFile("a.parquet is broken")} if failures else {}
        return MergeReport.of(
            Path("/lake"), Path("/other"), prefer, [result], broken, dry_run=False
        )

    return make


def test_the_counts_of_the_series_add_up(report):
    told = report()
    assert (told.slots, told.candles, told.differing) == (7, 5, 1)
    assert (told.revisions, told.history, told.complete) == (3, 2, True)
    assert told.differences.select("column", "lake", "other").rows() == [("volume", 1.0, 2.0)]


def test_people_read_whose_word_counts_and_what_is_left_out(report):
    assert "this lake's stay" in repr(report())
    assert "3 numbers revised" in repr(report("other"))
    assert "KRW-ETH 1m: a.parquet is broken" in repr(report(broken=True))


def test_programs_read_plain_values(report):
    told = json.loads(json.dumps(report(broken=True).as_dict()))
    assert told["differences"][0]["time"] == "2024-01-01T00:00:00Z"
    assert told["series"][0]["slots"] == 7
    assert told["failures"] == {"KRW-ETH 1m": "a.parquet is broken"}


def test_who_does_not_look_is_warned_of_what_is_left_out(report):
    report().warn_of_failures()
    with pytest.warns(Incomplete, match="KRW-ETH 1m of /other is left out: a.parquet is broken"):
        report(broken=True).warn_of_failures()


def test_an_unknown_turnover_is_no_difference(january):
    a, b = make_candles([january], value=None), make_candles([january], volume=2.0)
    told = listed(SERIES, met(a, b))
    assert dict(told.schema) == dict(LAKES_DIFFER)
    assert told["column"].to_list() == ["volume"]
