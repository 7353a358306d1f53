"""Of markets that end the series are named that the lake has a part of only."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.jobs.rescue import BEGINNING, LACKING, announced, brief, lacking, sentence
from marketkit.data.lake import Lake
from marketkit.data.lake.chronicle import Chronicle, chronicle_of
from marketkit.schema import MARKET, ROW, empty
from marketkit.timeframe import DAY, HOUR, parse_time

END = parse_time("2026-01-05T12:00")
LISTED = parse_time("2026-01-01")
DAYS = (date(2026, 1, 3), date(2026, 1, 4))


def markets(*symbols, warned=()):
    rows = [
        {"symbol": each, "quote": "KRW", "base": each[4:], "warning": each in warned}
        for each in symbols
    ]
    return pl.DataFrame(rows, schema=dict(MARKET))


@pytest.fixture
def told():
    """KRW-GONE is in the first list only, and the second one warns of two."""
    first = markets("KRW-BTC", "KRW-GONE", "KRW-WARN", "KRW-NONE")
    second = markets("KRW-BTC", "KRW-WARN", "KRW-NONE", warned=("KRW-WARN", "KRW-NONE"))
    return chronicle_of(zip(DAYS, (first, second), strict=True), Chronicle())


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path)


def keep(lake, symbol, timeframe, *spans, listed=None):
    lake.append(symbol, timeframe, empty(ROW), Spans(spans), nothing_before=listed)


def rows(lake, told):
    found = lacking(lake, told, END)
    assert found.schema == pl.Schema(LACKING)
    edges = pl.col("start", "end").dt.epoch("ms")
    return found.select("symbol", "reason", "timeframe", edges, "slots").rows()


def test_a_series_that_is_complete_up_to_now_lacks_nothing(lake, told):
    keep(lake, "KRW-WARN", "1h", (LISTED, END), listed=LISTED)
    assert [row[0] for row in rows(lake, told)] == ["KRW-NONE"]


def test_gaps_of_a_series_are_counted_from_the_listing_or_the_beginning(lake, told):
    keep(
        lake, "KRW-WARN", "1h", (LISTED, LISTED + HOUR), (END - 2 * HOUR, END - HOUR), listed=LISTED
    )
    keep(lake, "KRW-WARN", "1d", (LISTED, LISTED + 4 * DAY))
    first, second, *_ = rows(lake, told)
    assert first == ("KRW-WARN", "warned", "1h", LISTED + HOUR, END, 106)
    before = (LISTED - BEGINNING) // DAY
    assert second == ("KRW-WARN", "warned", "1d", BEGINNING, LISTED, before)


def test_seconds_are_asked_for_no_longer_ago_than_the_exchange_keeps_them(lake, told):
    keep(lake, "KRW-WARN", "1s", (END - HOUR, END))
    assert rows(lake, told)[0] == ("KRW-WARN", "warned", "1s", END - 90 * DAY, END - HOUR, 7772400)


def test_a_market_that_has_ended_lacks_slots_up_to_its_end_and_says_when(lake, told):
    keep(lake, "KRW-GONE", "1h", (LISTED, LISTED + DAY), listed=LISTED)
    gone = parse_time("2026-01-05")
    assert rows(lake, told)[0] == ("KRW-GONE", "ended", "1h", LISTED + DAY, gone, 72)
    assert lacking(lake, told, END)["last_seen"][0] == DAYS[0]


def test_markets_without_any_series_come_last_and_only_if_they_can_be_fetched(lake, told):
    keep(lake, "KRW-BTC", "1h", (LISTED, LISTED + DAY))
    assert rows(lake, told) == [
        ("KRW-NONE", "warned", None, None, None, None),
        ("KRW-WARN", "warned", None, None, None, None),
    ]


def test_a_lake_without_any_series_lacks_nothing(lake, told):
    assert rows(lake, told) == []


def test_markets_without_a_word_on_warnings_are_not_announced_to_end():
    listed = markets("KRW-BTC", "KRW-OLD", warned=("KRW-OLD",))
    assert announced(listed) == ["KRW-OLD"]
    assert announced(listed.with_columns(warning=pl.lit(None, pl.Boolean))) == []


def test_what_is_lacking_is_said_in_a_sentence_and_in_a_line(lake, told):
    keep(lake, "KRW-GONE", "1h", (LISTED, LISTED + DAY), listed=LISTED)
    keep(lake, "KRW-WARN", "1h", (LISTED, LISTED + DAY), listed=LISTED)
    found = lacking(lake, told, END)
    assert [sentence(row) for row in found.iter_rows(named=True)] == [
        (
            "KRW-WARN 1h is announced to end, and 84 slots from 2026-01-02T00:00 to 2026-01-05T12:00"
            " UTC are not in the lake"
        ),
        (
            "KRW-GONE 1h ended after 2026-01-03, and 72 slots from 2026-01-02T00:00 to"
            " 2026-01-05T00:00 UTC are not in the lake"
        ),
        "KRW-NONE is announced to end, and the lake has no series",
    ]
    assert brief(found.tail(2)) == "KRW-GONE 1h lacks 72 slots, KRW-NONE has no series"
    assert brief(pl.concat([found, found])).endswith(", 3 more")
    assert brief(found.clear()) == "nothing is lacking of markets that end"
