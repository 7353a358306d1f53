"""What a backfill is asked to do, checked before it begins."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.api.backfills import BackfillEndpoints, manner
from marketkit.api.provider import AsyncSmartDataProvider
from marketkit.coverage import Spans
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.jobs.catalog import JOBS
from marketkit.data.lake.lake import Lake
from marketkit.errors import InputError, InvalidRange, Offline, UnknownSymbol
from marketkit.timeframe import DAY, HOUR, MINUTE, parse_time
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2026-11-16")


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake", source="test")


@pytest.fixture
def backfills(lake, transport, markets):
    address = AsyncSmartDataProvider(lake=lake.root).address
    return BackfillEndpoints(GapFiller(lake, transport, 60_000), markets, address)


def test_symbols_are_spelt_and_sorted_and_times_are_numbers(backfills):
    wanted = backfills.wanted(["KRW-ETH", "BTC/KRW", "KRW-ETH"], "1m", "2026-11-16", "2026-11-17")
    assert wanted.symbols == ("KRW-BTC", "KRW-ETH")
    assert (wanted.timeframe, wanted.start, wanted.end) == ("1m", START, START + DAY)
    assert wanted.source == "test"
    assert backfills.wanted("KRW-BTC", "1m", "2026-11-16").end is None


def test_the_options_of_a_backfill_are_read(backfills):
    options = manner("oldest", "12h", "30m")
    assert (options.order, options.verify, options.patience) == ("oldest", 12 * HOUR, 1800.0)
    assert manner("newest", None, "12h").verify == 0


@pytest.mark.parametrize(
    "options", [("random", None, "12h"), ("newest", "soon", "12h"), ("newest", None, "ever")]
)
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(InputError):
        manner(*options)


def test_a_range_that_makes_no_sense_is_refused(backfills):
    with pytest.raises(InvalidRange, match="not before"):
        backfills.wanted("KRW-BTC", "1m", "2026-11-17", "2026-11-16")
    with pytest.raises(InputError, match="priority='urgent'"):
        backfills.begin(
            backfills.wanted("KRW-BTC", "1m", "2026-11-16"),
            manner("newest", None, "12h"),
            "urgent",
            show=False,
        )


def test_a_plan_counts_what_the_lake_lacks(backfills, lake):
    times = range(START, START + DAY, MINUTE)
    lake.append("KRW-BTC", "1m", make_candles(times), Spans([(START, START + DAY)]))
    options = manner("newest", None, "12h")

    def plan(end):
        wanted = backfills.wanted("KRW-BTC", "1m", "2026-11-16", end)
        return asyncio.run(backfills.plan(wanted, options, "low")).frame["requests"].sum()

    assert plan("2026-11-17") == 0
    assert plan("2026-11-18") == 8  # 1440 minutes, 200 a request


def test_a_plan_of_an_unlisted_market_is_refused(backfills):
    wanted = backfills.wanted("KRW-BCT", "1m", "2026-11-16")
    with pytest.raises(UnknownSymbol, match="KRW-BTC"):
        asyncio.run(backfills.plan(wanted, manner("newest", None, "12h"), "low"))


def test_a_chunk_has_room_for_a_candle_of_every_symbol(provider):
    chunks = provider.iter_candle("KRW-*", "1m", start="2026-11-16", rows=2)
    with pytest.raises(InputError, match="rows=2: a chunk has room for one candle of 3"):
        next(iter(chunks))


def test_chunks_fail_with_what_a_symbol_fails_with(offline):
    with pytest.raises(Offline):
        next(iter(offline.iter_candle("KRW-BTC", "1m", start="2026-11-16")))


def test_a_lake_without_backfills_lists_none(offline):
    assert offline.jobs().is_empty()
    assert dict(offline.jobs().schema) == dict(JOBS)
