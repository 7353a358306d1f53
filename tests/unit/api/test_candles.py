"""Which candles are asked of whom, and which may be given again."""

from __future__ import annotations

import pytest

from marketkit.api.candles import CandleCall, CandleEndpoints
from marketkit.api.query import CallOptions
from marketkit.coverage import Spans
from marketkit.data.fetch.candles import CandleReader
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.lake.lake import Lake
from marketkit.errors import CorruptFile, InputError, InvalidRange, NotCovered, PartialResult
from marketkit.schema import CANDLE, exact
from marketkit.timeframe import HOUR, MINUTE, parse_time
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2026-11-16")
RANGE = {"start": "2026-11-16", "end": "2026-11-16T02:00"}


@pytest.fixture
def endpoints(router, transport, tmp_path):
    lake = Lake(tmp_path / "lake")
    return CandleEndpoints(router, CandleReader(GapFiller(lake, transport, 60_000)), lake)


@pytest.fixture
def kept(provider):
    """A provider with two hours of minutes of two markets in its lake."""
    for symbol in ("KRW-BTC", "KRW-ETH"):
        times = range(START, START + 2 * HOUR, MINUTE)
        covering = Spans([(START, START + 2 * HOUR)])
        provider.lake().append(symbol, "1m", make_candles(times, symbol), covering)
    return provider


def query(endpoints, symbols="KRW-BTC", timeframe="1m", *, options=CallOptions(), **more):  # noqa: B008
    return endpoints.candles(symbols, CandleCall(timeframe, **more), options)


def spec(endpoints, **more):
    """Give the spec that a query is made of."""
    return query(endpoints, **more).fetch.args[0]


def test_the_newest_candles_are_kept_and_a_range_is_not(endpoints):
    assert spec(endpoints).kept
    assert spec(endpoints, count=5).kept
    assert not spec(endpoints, start="2026-11-16").kept
    assert not spec(endpoints, end="2026-11-16").kept


def test_two_hundred_candles_are_asked_for_where_nothing_is_said(endpoints):
    assert spec(endpoints).cache_key == spec(endpoints, count=200).cache_key


@pytest.mark.parametrize(
    "more",
    [
        {"timeframe": "3m"},
        {"count": 7},
        {"forming": True},
        {"fill": "forward"},
        {"source": "exchange"},
        {"timeframe": "1d", "session": "10:00 Asia/Seoul"},
        {"derive": False},
        {"options": CallOptions(precision="decimal")},
    ],
)
def test_other_candles_are_held_under_another_key(endpoints, more):
    assert spec(endpoints, **more).cache_key != spec(endpoints).cache_key


@pytest.mark.parametrize("session", ["09:00 Asia/Seoul", "09:00 +09:00", "00:00 Etc/UTC"])
def test_the_exchanges_own_day_is_the_same_candles_however_it_is_written(endpoints, session):
    for timeframe in ("1m", "4h", "1d", "1w", "1M", "1y"):
        plain = spec(endpoints, timeframe=timeframe, count=5, forming=True)
        asked = spec(endpoints, timeframe=timeframe, count=5, forming=True, session=session)
        assert (asked.cache_key, asked.channel) == (plain.cache_key, plain.channel)


def test_no_own_candles_of_another_day_can_be_asked_for(endpoints):
    with pytest.raises(InputError, match="derive=False: the exchange has no 1d candles that begin"):
        query(endpoints, timeframe="1d", session="00:00 Asia/Seoul", derive=False)


def test_a_stream_answers_the_newest_candles_with_the_forming_one(endpoints):
    asked = spec(endpoints, count=5, forming=True)
    assert (asked.channel, asked.rows) == ("candle.1m", 5)


@pytest.mark.parametrize(
    "more",
    [
        {"forming": False},
        {"fill": "null"},
        {"source": "exchange"},
        {"end": "2026-11-16"},
        {"timeframe": "4h", "session": "10:00 Asia/Seoul"},
        {"options": CallOptions(precision="decimal")},
    ],
)
def test_no_stream_answers_other_candles(endpoints, more):
    assert spec(endpoints, **({"count": 5, "forming": True} | more)).channel is None


def test_the_lake_alone_sends_nothing_and_recalls_nothing(endpoints):
    for more in ({"source": "lake"}, {"as_of": "summer"}):
        asked = query(endpoints, **more)
        assert not asked.sends
        assert asked.recall() is None


def test_a_frozen_set_cannot_be_asked_of_the_exchange(endpoints):
    with pytest.raises(InputError, match="as_of"):
        query(endpoints, as_of="summer", source="exchange")


@pytest.mark.parametrize("more", [{"count": 0}, {"start": "2026-11-16", "count": 3}])
def test_impossible_ranges_are_refused(endpoints, more):
    with pytest.raises(InvalidRange):
        query(endpoints, **more)


def test_what_the_lake_proves_is_asked_of_nobody(kept, exchange):
    for source in ("auto", "lake"):
        told = kept.with_response.get_candle("KRW-BTC", "1m", source=source, **RANGE)
        assert told.frame.height == 120
        assert told.source == {"KRW-BTC": "lake"}
        assert dict(told.frame.schema) == dict(CANDLE)
    assert exchange.paths() == ["/market/all"]


def test_what_the_lake_lacks_is_named_beside_what_it_has(kept):
    with pytest.raises(PartialResult, match="KRW-XRP") as partial:
        kept.get_candle(["KRW-BTC", "KRW-XRP"], "1m", source="lake", **RANGE)
    assert partial.value.frame["symbol"].unique().to_list() == ["KRW-BTC"]
    assert isinstance(partial.value.failures["KRW-XRP"], NotCovered)


def test_the_lake_gives_decimals_and_another_zone_where_they_are_wanted(kept):
    frame = kept.get_candle(
        "KRW-BTC", "1m", source="lake", precision="decimal", tz="Asia/Seoul", **RANGE
    )
    wanted = dict(exact(CANDLE)) | {"time": frame.schema["time"]}
    assert dict(frame.schema) == wanted
    assert frame.schema["time"].time_zone == "Asia/Seoul"


def test_wide_candles_are_made_of_the_narrow_ones_of_the_lake(kept):
    frame = kept.get_candle(["KRW-ETH", "KRW-BTC"], "1h", source="lake", **RANGE)
    assert frame["symbol"].to_list() == ["KRW-BTC"] * 2 + ["KRW-ETH"] * 2
    assert frame["volume"].to_list() == [60.0] * 4


def test_a_frozen_set_answers_as_it_was(kept):
    kept.lake().freeze("before")
    times = range(START + 2 * HOUR, START + 3 * HOUR, MINUTE)
    covering = Spans([(START + 2 * HOUR, START + 3 * HOUR)])
    kept.lake().append("KRW-BTC", "1m", make_candles(times), covering)
    assert kept.get_candle("KRW-BTC", "1m", as_of="before").height == 120
    assert kept.get_candle("KRW-BTC", "1m", source="lake").height == 180


@pytest.mark.parametrize("source", ["auto", "lake"])
def test_a_corrupt_file_is_the_failure_of_its_symbol_alone(kept, source):
    (path,) = kept.lake().root.rglob("series=KRW-ETH/*.parquet")
    path.write_bytes(b"no candles")
    asked = {"source": source, **RANGE}
    with pytest.raises(PartialResult, match="KRW-ETH") as partial:
        kept.get_candle(["KRW-BTC", "KRW-ETH"], "1m", **asked)
    assert partial.value.frame["symbol"].to_list() == ["KRW-BTC"] * 120
    assert isinstance(partial.value.failures["KRW-ETH"], CorruptFile)
    with pytest.raises(CorruptFile):
        kept.get_candle("KRW-ETH", "1m", **asked)
    asked["end"] = "2026-11-16T01:00"
    with pytest.warns(UserWarning, match="KRW-ETH skipped"):
        slots = kept.get_candle(
            ["KRW-ETH", "KRW-BTC"], "1h", session="00:30 UTC", on_error="skip", **asked
        )
    assert slots["symbol"].to_list() == ["KRW-BTC"]
