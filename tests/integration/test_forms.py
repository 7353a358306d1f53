"""The forms in which a caller can have an answer, and the words that mean one."""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle
from datetime import UTC, datetime

import polars as pl
import pyarrow as pa
import pytest

import marketkit as mk
from marketkit.api.sync import _configured, default_provider
from marketkit.cli.main import main
from marketkit.frames import DEFAULTS
from marketkit.schema import CANDLE
from marketkit.timeframe import DAY, HOUR, MINUTE, parse_time
from tests.integration.conftest import FAST_LIMITS, NOW

pd = pytest.importorskip("pandas")
MOMENT = parse_time(NOW)
PRICES = ["open", "high", "low", "close", "volume", "value"]


def times(frame):
    return frame["time"].dt.epoch("ms").to_list()


def asked(exchange, *groups):
    told = exchange.stats()["groups"]
    return sum(told[group]["requests"] for group in groups or told)


@pytest.fixture
def package(exchange, monkeypatch, tmp_path):
    """The functions of the package, as in a fresh program against the sandbox."""
    monkeypatch.setenv("MARKETKIT_ENDPOINT", exchange.endpoint)
    monkeypatch.setenv("MARKETKIT_LAKE", str(tmp_path / "lake"))
    default_provider.cache_clear()
    try:
        yield mk
    finally:
        default_provider().close()
        default_provider.cache_clear()
        _configured.clear()
        DEFAULTS.set("polars", "UTC", "00:00 UTC")
        DEFAULTS.clock = None


# --- one market in pandas ---------------------------------------------------------------------


def test_candles_of_one_market_are_numbers_that_pandas_calculates_with(provider):
    df = provider.get_candle("KRW-BTC", "1h", count=100, frame="pandas", tz="Asia/Seoul")
    assert list(df.columns) == PRICES
    assert set(map(str, df.dtypes)) == {"float64"}
    assert df.attrs == {"symbol": "KRW-BTC", "state": "closed"}
    assert df.pct_change().shape == df.shape
    assert df.corr().shape == (6, 6)
    assert str(df.resample("1W").mean().index.tz) == "Asia/Seoul"


@pytest.mark.parametrize(
    ("more", "states"),
    [
        ({"forming": True, "count": 3}, {"closed", "forming"}),
        ({"fill": "forward", "start": "-6h", "end": "2026-11-20T00:00:00Z"}, {"closed", "empty"}),
    ],
)
def test_a_state_that_can_differ_is_never_lost(provider, more, states):
    df = provider.get_candle("KRW-BTC", "1m", frame="pandas", **more)
    assert list(df.columns) == [*PRICES, "state"]
    assert df.attrs == {"symbol": "KRW-BTC"}
    assert set(df["state"]) <= states
    assert df[PRICES].pct_change().shape == (len(df), 6)


def test_the_columns_follow_the_call_and_not_the_answer(provider):
    """Nothing at all, and a candle that happens to be there, have the same columns."""
    before = {"start": "2010-01-01", "end": "2010-01-02", "frame": "pandas"}
    none = provider.get_candle("KRW-BTC", "1h", **before)
    assert (len(none), list(none.columns)) == (0, PRICES)
    assert none.attrs == {"symbol": "KRW-BTC", "state": "closed"}
    assert none.pct_change().empty
    assert list(provider.get_candle("KRW-BTC", "1h", forming=True, **before).columns)[-1] == "state"


def test_a_list_of_one_keeps_the_long_shape(provider):
    df = provider.get_candle(["KRW-BTC"], "1h", count=3, frame="pandas")
    assert list(df.index.names) == ["symbol", "time"]
    assert list(df.columns) == [*PRICES, "state"]
    assert df.attrs == {}


def test_chunks_feeds_and_series_have_the_shape_of_their_symbols(provider):
    chunks = provider.iter_candle("KRW-BTC", "1h", start="-5h", frame="pandas", show=False)
    (chunk,) = list(chunks)
    assert (list(chunk.columns), chunk.attrs["symbol"]) == (PRICES, "KRW-BTC")
    with provider.live("KRW-BTC", "1m", history="10m", frame="pandas", show=False) as live:
        assert list(live.frame.columns) == [*PRICES, "state"]
        assert live.frame.attrs == {"symbol": "KRW-BTC"}


def test_a_renamed_market_keeps_the_column_that_tells_its_codes(provider):
    df = provider.get_candle(
        "KRW-BTC", "1h", count=2, rename={"KRW-OLD": "KRW-BTC"}, frame="pandas"
    )
    assert list(df.columns) == [*PRICES, "listed_as"]


# --- arrow, wide, several widths --------------------------------------------------------------

CALLS = {
    "ticker": lambda p, s, **more: p.get_ticker(s, **more),
    "orderbook": lambda p, s, **more: p.get_orderbook(s, **more),
    "trade": lambda p, s, **more: p.get_trade(s, count=5, **more),
    "candle": lambda p, s, **more: p.get_candle(s, "1m", count=5, **more),
    "market": lambda p, _, **more: p.get_market("KRW", **more),
}


@pytest.mark.parametrize("call", CALLS)
def test_arrow_has_the_columns_and_values_of_polars(provider, call):
    plain = CALLS[call](provider, ["KRW-BTC", "KRW-ETH"])
    table = CALLS[call](provider, ["KRW-BTC", "KRW-ETH"], frame="arrow")
    assert isinstance(table, pa.Table)
    assert table.column_names == plain.columns
    assert pl.from_arrow(table).cast(plain.schema).equals(plain)
    assert list(table.to_pandas().columns) == plain.columns


def test_arrow_has_the_zone_and_every_digit_that_is_asked_for(provider):
    table = provider.get_candle(
        "KRW-BTC", "1m", count=2, frame="arrow", tz="Asia/Seoul", precision="decimal"
    )
    assert table.schema.field("time").type == pa.timestamp("ms", "Asia/Seoul")
    assert pa.types.is_decimal(table.schema.field("close").type)


def test_wide_is_the_long_frame_turned(provider):
    names = ["KRW-BTC", "KRW-DOGE", "KRW-ETH"]
    span = {"start": "-2h", "end": "2026-11-20"}
    long = provider.get_candle(names, "1m", **span)
    wide = provider.get_candle(names, "1m", wide="close", **span)
    assert wide.columns == ["time", *names]
    assert wide["time"].is_sorted()
    assert wide["time"].n_unique() == wide.height
    back = wide.unpivot(
        names, index="time", variable_name="symbol", value_name="close"
    ).drop_nulls()
    assert back.sort("symbol", "time").equals(
        long.select("time", "symbol", "close").cast(back.schema)
    )


def test_wide_in_pandas_correlates_and_in_arrow_has_the_same_columns(provider):
    names = ["KRW-BTC", "KRW-ETH"]
    df = provider.get_candle(names, "1h", count=24, wide="close", frame="pandas", tz="Asia/Seoul")
    assert list(df.columns) == names
    assert (df.columns.name, df.index.name) == ("symbol", "time")
    assert df.pct_change().corr().shape == (2, 2)
    both = provider.get_candle(names, "1h", count=24, wide=["close", "volume"], frame="pandas")
    assert both["volume"].columns.tolist() == names
    assert both.columns.names == ["column", "symbol"]
    table = provider.get_candle(names, "1h", count=24, wide=["close", "volume"], frame="arrow")
    assert table.column_names == [
        "time", "close_KRW-BTC", "close_KRW-ETH", "volume_KRW-BTC", "volume_KRW-ETH",
    ]  # fmt: skip


def test_a_market_without_candles_has_its_column_all_the_same(provider):
    span = {"start": "2010-01-01", "end": "2010-01-02"}
    assert provider.get_candle(["KRW-BTC", "KRW-ETH"], "1h", wide="close", **span).columns == [
        "time", "KRW-BTC", "KRW-ETH",
    ]  # fmt: skip


@pytest.mark.parametrize("bad", ["clsoe", "price", [], ["close", "x"], "symbol"])
def test_what_cannot_be_laid_out_wide_is_refused(provider, exchange, bad):
    exchange.reset_stats()
    with pytest.raises(mk.InputError, match="wide="):
        provider.get_candle("KRW-BTC", "1h", wide=bad)
    assert asked(exchange) == 0


def test_several_widths_are_one_frame_of_what_each_alone_gives(provider):
    names = ["KRW-BTC", "KRW-ETH"]
    found = provider.get_candle(names, ["1d", "1h"], start="-3d")
    assert found.columns == ["symbol", "timeframe", *list(CANDLE)[1:]]
    assert found.equals(found.sort("symbol", "timeframe", "time"))
    for width in ("1h", "1d"):
        alone = provider.get_candle(names, width, start="-3d")
        assert found.filter(pl.col("timeframe") == width).drop("timeframe").equals(alone)


def test_several_widths_have_an_index_of_their_own_and_can_be_wide(provider):
    one = provider.get_candle("KRW-BTC", ["1h", "4h"], count=2, frame="pandas")
    assert list(one.index.names) == ["timeframe", "time"]
    assert list(one.columns) == PRICES
    assert one.loc["4h"].shape == (2, 6)
    many = provider.get_candle(["KRW-BTC"], ["1h"], count=2, frame="pandas")
    assert list(many.index.names) == ["symbol", "timeframe", "time"]
    wide = provider.get_candle(["KRW-BTC", "KRW-ETH"], ["1h", "1d"], count=1, wide="close")
    assert wide.columns[:2] == ["timeframe", "time"]


def test_several_widths_from_the_lake_alone_and_with_their_story(provider, exchange):
    provider.get_candle("KRW-BTC", ["1h", "1d"], start="2026-11-10", end="2026-11-12")
    exchange.reset_stats()
    span = {"start": "2026-11-10", "end": "2026-11-12"}
    found = provider.get_candle("KRW-BTC", ["1h", "1d"], source="lake", **span)
    assert found.height == 48 + 2
    told = provider.with_response.get_candle(["KRW-BTC"], ["1h", "1d"], **span)
    assert told.source == {"KRW-BTC": "lake"}
    assert told.cache_hit
    assert asked(exchange, "candles") == 0


# --- relative starts --------------------------------------------------------------------------


def test_a_start_counts_back_from_the_exchanges_now_before_anybody_heard_it(exchange, tmp_path):
    """The sandbox's clock is days away from this machine's."""
    for number, ask in enumerate(
        (
            lambda p: times(p.get_candle("KRW-BTC", "1m", start="-10m"))[0] - MINUTE,
            lambda p: times(p.get_candle("KRW-BTC", "1h", start="-1d", end="-22h"))[0] - HOUR,
            lambda p: p.backfill("KRW-BTC", "1m", start="-10m", show=False).wait().start,
            lambda p: p.plan("KRW-BTC", "1m", start="-10m").wanted.start,
            lambda p: times(next(iter(p.iter_candle("KRW-BTC", "1m", start="-10m", show=False))))[
                0
            ],
            lambda p: times(p.get_trade("KRW-BTC", start="-10m"))[0],
        )
    ):
        with mk.SmartDataProvider(
            endpoint=exchange.endpoint, lake=tmp_path / str(number), limits=FAST_LIMITS
        ) as fresh:
            start = ask(fresh)
            start = start if isinstance(start, int) else int(start.timestamp() * 1000)
            assert MOMENT - DAY - MINUTE - HOUR <= start <= MOMENT


def test_the_lake_of_a_provider_counts_back_by_the_exchanges_clock(provider):
    provider.backfill("KRW-BTC", "1m", start="-1h", show=False).wait()
    lake = provider.lake()
    for frame in (lake.read("KRW-BTC", "1m", "-10m"), lake.scan("KRW-BTC", "1m", "-10m").collect()):
        assert times(frame)[0] == parse_time("2026-11-19T23:51:00Z")
    start = lake.coverage("KRW-BTC", "1m", "-10m")["start"][0]
    assert start == datetime(2026, 11, 19, 23, 51, tzinfo=UTC)


def test_an_async_caller_counts_back_too(exchange, tmp_path):
    async def ask():
        async with mk.AsyncSmartDataProvider(
            endpoint=exchange.endpoint, lake=tmp_path / "lake", limits=FAST_LIMITS
        ) as provider:
            frame = await provider.get_candle("KRW-BTC", "1m", start="-5m", frame="pandas")
            return frame, await provider.backfill("KRW-BTC", "1m", start="-5m", show=False)

    frame, report = asyncio.run(ask())
    assert frame.index[0] == pd.Timestamp("2026-11-19T23:56Z")
    assert report.complete


def test_the_command_line_counts_back_too(exchange, tmp_path, capsys):
    where = ("--endpoint", exchange.endpoint, "--lake", str(tmp_path / "lake"), "--json")
    assert main(["candles", "KRW-BTC", "--start", "-5m", *where]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 4  # 23:56 to 23:59; what is younger is not closed


# --- words that people type -------------------------------------------------------------------


def test_a_korean_name_is_the_market_in_won_everywhere(provider):
    name, code = "비트코인", "KRW-BTC"
    provider.get_market()  # now the lake has a list, too
    assert provider.get_ticker(name)["symbol"].to_list() == [code]
    assert provider.get_orderbook([name], depth=1)["symbol"].to_list() == [code]
    assert set(provider.get_trade(name, count=2)["symbol"]) == {code}
    assert set(provider.get_candle(name, "1m", start="-5m")["symbol"]) == {code}
    assert set(provider.get_candle(name, "1m", start="-5m", source="lake")["symbol"]) == {code}
    assert provider.get_candle(name, "1m", count=2, frame="pandas").attrs["symbol"] == code
    assert provider.plan(name, "1m", start="-1h").wanted.symbols == (code,)
    assert provider.backfill(name, "1m", start="-1h", show=False).wait().symbols == (code,)
    assert set(provider.lake().read(name, "1m", "-10m")["symbol"]) == {code}
    with provider.watch(name, "ticker") as feed:
        assert feed.symbols == (code,)
    with provider.live(name, "1m", history="5m", show=False) as live:
        assert live.symbols == (code,)


def test_a_plain_code_costs_no_request_more_and_a_name_none_once_the_list_is_there(
    provider, exchange
):
    provider.get_ticker("비트코인")
    lists = asked(exchange, "market")
    provider.get_ticker(["이더리움", "KRW-XRP"])
    assert asked(exchange, "market") == lists == 1


@pytest.mark.parametrize(
    ("symbol", "said"),
    [
        ("BTC", "did you mean 'KRW-BTC'"),
        ("BTCKRW", "did you mean 'KRW-BTC'"),
        ("KRW/BTC", "did you mean 'KRW-BTC'"),
        ("KRW_BTC", "did you mean 'KRW-BTC'"),
        ("bitcoin", "did you mean 'KRW-BTC'"),
        ("비트코잉", "did you mean 'KRW-BTC'"),
    ],
)
def test_another_spelling_of_a_market_is_answered_with_its_code(provider, symbol, said):
    for call in (
        lambda: provider.get_ticker(symbol),
        lambda: provider.get_candle(symbol, "1m", count=1),
        lambda: provider.watch(symbol, "ticker"),
    ):
        with pytest.raises(mk.UnknownSymbol, match=said):
            call()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda p: p.get_candle("KRW-BTC", "day"), "did you mean '1d'"),
        (lambda p: p.get_candle("KRW-BTC", "minute1"), "did you mean '1m'"),
        (lambda p: p.get_candle("KRW-BTC", "1H"), "did you mean '1h'"),
        (lambda p: p.get_candle("KRW-BTC", "60"), "did you mean '1h'"),
        (lambda p: p.get_candle("KRW-BTC", 60), "did you mean '1h'"),
        (lambda p: p.get_candle("KRW-BTC", "month"), "did you mean '1M'"),
        (lambda p: p.get_candle("KRW-BTC", "1m", count="10"), "write count=10, without quotes"),
        (lambda p: p.get_candle("KRW-BTC", "1m", tz="KST"), "write tz='Asia/Seoul'"),
        (lambda p: p.get_candle("KRW-BTC", "1d", session="09:00 KST"), "write 09:00 Asia/Seoul"),
        (lambda p: p.get_candle("KRW-BTC", "1m", start="30d"), "write '-30d'"),
        (lambda p: p.get_candle(ticker="KRW-BTC", interval="day"), "did you mean 'symbols'"),
        (lambda p: p.get_candle("KRW-BTC", interval="day"), "did you mean 'timeframe'"),
        (lambda p: p.get_candle("KRW-BTC", "1d", to="2026-01-01"), "did you mean 'end'"),
        (lambda p: p.get_candle("KRW-BTC", "1d", 200), "write count=200"),
        (lambda p: p.live(tickers="KRW-BTC"), r"live\(\) got an unexpected keyword 'tickers'"),
        (
            lambda p: p.lake().read("KRW-BTC", interval="1m"),
            r"read\(\) .* did you mean 'timeframe'",
        ),
    ],
)
def test_what_people_type_is_answered_with_what_to_write(provider, exchange, call, said):
    exchange.reset_stats()
    with pytest.raises(mk.InputError, match=said) as caught:
        call(provider)
    assert len(str(caught.value).splitlines()) <= 2
    assert asked(exchange) == 0


# --- defaults ---------------------------------------------------------------------------------


def test_a_provider_has_frame_zone_and_session_for_all_its_calls(exchange, tmp_path):
    with mk.SmartDataProvider(
        endpoint=exchange.endpoint,
        lake=tmp_path / "lake",
        limits=FAST_LIMITS,
        frame="pandas",
        tz="Asia/Seoul",
        session="00:00 Asia/Seoul",
    ) as provider:
        day = provider.get_candle("KRW-BTC", "1d", start="-5d")
        assert str(day.index.tz) == "Asia/Seoul"
        assert set(day.index.hour) == {0}
        assert provider.get_candle("KRW-BTC", "1m", count=2).shape == (2, 6)  # has no session
        assert set(
            provider.get_candle("KRW-BTC", "1d", count=2, session="00:00 UTC").index.hour
        ) == {9}
        polars = provider.get_candle("KRW-BTC", "1d", count=2, frame="polars", tz="UTC")
        assert polars.schema["time"] == pl.Datetime("ms", "UTC")
        stored = provider.get_candle("KRW-BTC", "1m", start="-5m", end="-2m")
        assert provider.get_candle("KRW-BTC", "1m", start="-5m", end="-2m", source="lake").equals(
            stored
        )
        for frame in (
            provider.get_ticker("KRW-BTC"),
            provider.get_market(),
            provider.with_response.get_trade("KRW-BTC", count=2).frame,
            provider.watch("KRW-BTC", "ticker").frame,
            provider.live("KRW-BTC", "1m", history="5m", show=False).frame,
            next(iter(provider.iter_candle("KRW-BTC", "1h", start="-3h", show=False))),
        ):
            assert isinstance(frame, pd.DataFrame)
        there = pickle.loads(pickle.dumps(provider))  # noqa: S301 - our own
        assert (there.address.frame, there.address.tz) == ("pandas", "Asia/Seoul")


@pytest.mark.parametrize("kind", [mk.SmartDataProvider, mk.AsyncSmartDataProvider])
@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"frame": "panda"}, "did you mean 'pandas'"),
        ({"tz": "KST"}, "write tz='Asia/Seoul'"),
        ({"session": "9 o'clock"}, "session="),
    ],
)
def test_a_bad_default_is_refused_at_once(kind, bad, said):
    with pytest.raises(mk.InputError, match=said):
        kind(**bad)
    before = mk.configure()
    with pytest.raises(mk.InputError, match=said):
        mk.configure(**{"tz": "Asia/Seoul", **bad})
    assert mk.configure() == before


def test_configure_is_for_all_functions_of_the_package_also_those_imported_before(package):
    get_candle = package.get_candle
    told = package.configure(frame="pandas", tz="Asia/Seoul", session="00:00 Asia/Seoul")
    assert (told.frame, told.tz, told.session) == ("pandas", "Asia/Seoul", "00:00 Asia/Seoul")
    assert set(get_candle("KRW-BTC", "1d", count=2).index.hour) == {0}
    assert isinstance(package.get_candle("KRW-BTC", "1d", count=2, frame="arrow"), pa.Table)
    package.configure(frame="polars")
    assert get_candle("KRW-BTC", "1d", count=2)["time"].dtype == pl.Datetime("ms", "Asia/Seoul")


def test_configure_names_lake_and_exchange_and_may_be_said_again(package, tmp_path):
    get_ticker, lake = package.get_ticker, package.lake
    get_ticker("KRW-BTC")
    package.configure(lake=tmp_path / "other", tz="Asia/Seoul")
    provider = default_provider()
    assert lake().root == package.lake().root == tmp_path / "other"
    package.configure(lake=tmp_path / "other", tz="Asia/Seoul")  # the cell is run again
    assert get_ticker.__self__ is default_provider() is provider
    assert get_ticker("KRW-BTC")["time"].dtype == pl.Datetime("ms", "Asia/Seoul")
    with pytest.raises(mk.InputError, match="unknown region"):
        package.configure(region="mars", tz="UTC")
    assert package.configure().tz == "Asia/Seoul"
    there = pickle.loads(pickle.dumps(provider))  # noqa: S301 - our own
    assert (there.lake().root, there.address.tz) == (tmp_path / "other", "Asia/Seoul")


def test_recordings_are_read_by_what_is_configured(package, tmp_path):
    with package.record("KRW-BTC", "ticker", to=tmp_path / "tape"):
        pass
    package.configure(frame="pandas", tz="Asia/Seoul")
    assert isinstance(mk.read_recording(tmp_path / "tape", "ticker", start="-1h"), pd.DataFrame)
    table = mk.read_recording(tmp_path / "tape", "ticker", frame="arrow", tz="UTC")
    assert table.schema.field("received").type == pa.timestamp("ms", "UTC")


# --- one order of arguments -------------------------------------------------------------------


def test_symbols_come_first_and_the_width_second_in_every_call_that_has_both():
    for kind in (mk.SmartDataProvider, mk.AsyncSmartDataProvider, mk.Lake):
        for name, call in inspect.getmembers(kind, inspect.isfunction):
            taken = [
                each for each in inspect.signature(call).parameters.values() if each.name != "self"
            ]
            places = [each.name for each in taken if each.kind is each.POSITIONAL_OR_KEYWORD]
            if name.startswith("_") or not {"symbols", "timeframe"} <= set(places):
                continue
            series = [each for each in places if each not in {"path", "function"}]
            assert series[:2] == ["symbols", "timeframe"], (kind, name)
