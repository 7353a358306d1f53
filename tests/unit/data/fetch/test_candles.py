"""Candles from a lake, from an exchange, and from the one completed by the other."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.data.fetch.candles import CandleReader
from marketkit.errors import InvalidRange, NotCovered, UnknownSymbol
from marketkit.schema import CANDLE
from marketkit.timeframe import MINUTE, parse_time
from marketkit.window import read_window

NOW = parse_time("2026-03-10T12:00:30Z")
MORNING = ("2026-03-10T00:00", "2026-03-10T06:00")


def asked(exchange) -> int:
    return exchange.stats()["groups"].get("candles", {"requests": 0})["requests"]


def window(start=None, end=None, count=None, **more):
    return read_window("1m", start, end, count, **more)


def numbers(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    return frame.drop("state").rows()


def test_the_lake_is_filled_once_and_then_answers_alone(fetch, exchange):
    async def main(filler, run):
        reader = CandleReader(filler)
        first = await reader.answer(["KRW-BTC"], window(*MORNING), run, lake=True, exact=False)
        sent = asked(exchange)
        again = await reader.answer(["KRW-BTC"], window(*MORNING), run, lake=True, exact=False)
        alone = await reader.from_lake(filler.lake, ["KRW-BTC"], window(*MORNING))
        assert asked(exchange) == sent > 0
        return first, again, alone

    first, again, alone = fetch(main)
    assert first.frame.equals(again.frame)
    assert first.frame.equals(alone.frame)
    assert first.frame.schema == pl.Schema(CANDLE)
    assert not first.failures


def test_the_exchange_alone_gives_the_same_rows_and_leaves_no_lake(fetch, tmp_path):
    async def main(filler, run):
        reader = CandleReader(filler)
        alone = await reader.answer(["KRW-BTC"], window(*MORNING), run, lake=False, exact=False)
        assert not (tmp_path / "lake").exists()
        both = await reader.answer(["KRW-BTC"], window(*MORNING), run, lake=True, exact=False)
        return alone, both

    alone, both = fetch(main)
    assert alone.frame.equals(both.frame)


@pytest.mark.parametrize("lake", [True, False])
def test_a_count_is_the_newest_candles_and_the_forming_one_if_it_is_wanted(fetch, lake):
    async def main(filler, run):
        reader = CandleReader(filler)
        forming = window(count=5, forming=True)
        with_it = await reader.answer(["KRW-BTC"], forming, run, lake=lake, exact=False)
        return with_it.frame

    frame = fetch(main)
    assert frame.height == 5
    assert frame["state"][:-1].is_in(["closed"]).all()
    assert frame["time"].is_sorted()
    assert frame["time"].dt.epoch("ms")[-1] <= NOW


@pytest.mark.parametrize("lake", [True, False])
def test_a_symbol_that_is_unknown_fails_alone(fetch, lake):
    async def main(filler, run):
        reader = CandleReader(filler)
        names = ["KRW-BTC", "KRW-NOPE"]
        return await reader.answer(names, window(*MORNING), run, lake=lake, exact=False)

    result = fetch(main)
    assert set(result.failures) == {"KRW-NOPE"}
    assert isinstance(result.failures["KRW-NOPE"], UnknownSymbol)
    assert set(result.frame["symbol"]) == {"KRW-BTC"}


def test_filled_rows_stand_in_every_slot(fetch):
    async def main(filler, run):
        reader = CandleReader(filler)
        filled = window(*MORNING, fill="forward")
        both = await reader.answer(["KRW-BTC"], filled, run, lake=True, exact=False)
        alone = await reader.answer(["KRW-BTC"], filled, run, lake=False, exact=False)
        return both.frame, alone.frame

    both, alone = fetch(main)
    assert both.height == alone.height == 360
    assert both["time"].dt.epoch("ms").diff().drop_nulls().eq(MINUTE).all()


def test_a_range_that_lies_ahead_of_the_exchanges_clock_is_refused(fetch):
    async def main(filler, run):
        reader = CandleReader(filler)
        await reader.answer(["KRW-BTC"], window(count=1), run, lake=False, exact=False)
        with pytest.raises(InvalidRange, match="ahead of the exchange's clock"):
            reader.edge(window("2026-03-10T12:01", "2026-03-10T12:05"))
        assert reader.edge(window("2026-03-10T11:00", "2027-01-01")) == NOW + MINUTE // 2

    fetch(main)


def test_a_lake_that_lacks_slots_says_so(fetch):
    async def main(filler, run):
        reader = CandleReader(filler)
        await reader.answer(["KRW-BTC"], window(*MORNING), run, lake=True, exact=False)
        wider = window("2026-03-10T00:00", "2026-03-10T07:00")
        return await reader.from_lake(filler.lake, ["KRW-BTC"], wider)

    (failure,) = fetch(main).failures.values()
    assert isinstance(failure, NotCovered)


def test_decimals_come_from_the_exchange_digit_for_digit(fetch):
    async def main(filler, run):
        reader = CandleReader(filler)
        return await reader.answer(["KRW-BTC"], window(*MORNING), run, lake=False, exact=True)

    assert isinstance(fetch(main).frame.schema["volume"], pl.Decimal)
