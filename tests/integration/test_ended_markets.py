"""Markets end and change their codes while they are watched; what the lake has of them stays."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.cli.main import main
from marketkit.errors import UnknownSymbol
from marketkit.sandbox import Sandbox
from marketkit.schema import CANDLE
from tests.integration.conftest import FAST, FAST_LIMITS, NOW

XRP, OLD, NEW = "KRW-XRP", "KRW-MK001", "KRW-NEWMK"
DAY = date(2026, 11, 20)
EVENING = {"start": "2026-11-19T19:00", "end": "2026-11-19T23:00"}

WIDER = EVENING | {"end": "2026-11-20T06:00"}


@pytest.fixture
def exchange():
    """An exchange of its own, for what happens to a market cannot be undone."""
    with Sandbox(seed=1, now=NOW, speed=0, limit=FAST) as sandbox:
        yield sandbox


@pytest.fixture
def provider(exchange, tmp_path):
    """A provider whose lake has the list of the first day and four hours of two markets."""
    lake = tmp_path / "lake"
    with SmartDataProvider(endpoint=exchange.endpoint, lake=lake, limits=FAST_LIMITS) as one:
        one.get_market()
        for symbol in (XRP, OLD):
            assert one.backfill(symbol, "1m", **EVENING, show=False).wait().complete
        yield one


def later(provider, exchange, now="2026-11-21T00:00:30Z"):
    """Give a provider of the same lake another day, with that day's list."""
    exchange.set_clock(now=now)
    one = SmartDataProvider(
        endpoint=exchange.endpoint, lake=provider.lake().root, limits=FAST_LIMITS
    )
    one.get_market()
    return one


@pytest.mark.parametrize("source", ["auto", "lake", "exchange"])
def test_a_market_that_ended_is_answered_from_the_lake(provider, exchange, source):
    before = provider.get_candle(XRP, "1m", **EVENING)
    exchange.set_market(XRP, "end")
    with later(provider, exchange) as after:
        assert after.get_candle(XRP, "1m", **EVENING, source=source).equals(before)
        with pytest.warns(
            UserWarning, match="last on 2026-11-20: the lake has no proof from 2026-"
        ):
            longer = after.get_candle(XRP, "1m", **WIDER, source=source)
        assert longer.equals(before)
        assert longer.schema == pl.Schema(CANDLE)
        states = after.lake().coverage(XRP, "1m", "2026-11-19T19:00", "2026-11-21")["state"]
        assert "unknown" not in states
        assert states[-1] == "unfetchable"


def test_a_market_that_ends_while_the_list_is_young_is_answered_too(provider, exchange):
    before = provider.get_candle(XRP, "1m", **EVENING)
    exchange.set_market(XRP, "end")
    assert provider.get_candle(XRP, "1m", **EVENING, source="exchange").equals(before)
    with pytest.warns(UserWarning, match="no proof from 2026-11-19T23:00:00Z"):
        both = provider.get_candle([XRP, "KRW-BTC"], "1m", start="2026-11-19T19:00")
    assert set(both["symbol"]) == {XRP, "KRW-BTC"}


def test_a_market_that_the_lake_lacks_says_when_it_was_listed(provider, exchange):
    exchange.set_market("KRW-ADA", "end")
    with later(provider, exchange) as after:
        for call in (after.get_ticker, after.get_orderbook, after.get_trade):
            with pytest.raises(UnknownSymbol, match=r"KRW-ADA.*last on 2026-11-20"):
                call("KRW-ADA")
        with pytest.raises(UnknownSymbol, match="last on 2026-11-20"):
            after.get_candle("KRW-ADA", "1m", count=5)
        with pytest.warns(UserWarning, match=r"KRW-ADA skipped.*last on 2026-11-20"):
            found = after.get_ticker(["KRW-ADA", "KRW-BTC"], on_error="skip")
        assert found["symbol"].to_list() == ["KRW-BTC"]


def test_a_market_that_was_listed_while_the_program_ran_is_known_without_a_lake(exchange, tmp_path):
    with SmartDataProvider(
        endpoint=exchange.endpoint, lake=tmp_path / "none", limits=FAST_LIMITS
    ) as one:
        assert one.get_ticker(XRP).height == 1
        exchange.set_market(XRP, "end")
        exchange.advance(1)
        for _ in range(2):  # by an old list, and by one that lacks the market
            with pytest.raises(UnknownSymbol, match="not listed any more, last on 2026-11-20"):
                one.get_candle(XRP, "1m", count=5)
            with pytest.warns(UserWarning, match=XRP):
                one.get_ticker([XRP, "KRW-BTC"], on_error="skip")


@pytest.mark.parametrize("now", [NOW, "2026-11-21T00:00:30Z"])
def test_the_code_that_a_market_goes_on_under_is_named(provider, exchange, now):
    exchange.set_market(OLD, "rename", to=NEW)
    exchange.set_market(XRP, "end")
    exchange.set_market("KRW-FRESH", "list")
    with later(provider, exchange, now) as after:
        found = after.get_market(delisted=True)
        went_on = dict(found.select("symbol", "successor").drop_nulls().iter_rows())
        assert went_on == {OLD: NEW}
        assert found.filter(symbol=OLD)["last_seen"].to_list() == [DAY]
        with pytest.raises(UnknownSymbol, match=f"goes on as '{NEW}'"):
            after.get_ticker(OLD)


def test_a_renamed_market_is_one_series_and_the_newer_code_has_the_word(provider, exchange):
    """This exchange carries the history over: what the lake has of the old code is there twice."""
    old = provider.get_candle(OLD, "1m", **EVENING)
    exchange.set_market(OLD, "rename", to=NEW)
    rename = {OLD: NEW}
    with later(provider, exchange) as after:
        kept = after.get_candle(OLD, "1m", **EVENING, rename=rename, source="lake")
        assert set(kept["listed_as"]) == {OLD}
        with pytest.warns(UserWarning, match=f"{NEW} and {OLD} both have 240 slots of 1m"):
            found = after.get_candle(NEW, "1m", **WIDER, rename=rename)
        assert set(found["listed_as"]) == {NEW}
        same = found.filter(pl.col("time") <= old["time"][-1]).drop("listed_as", "symbol")
        assert same.equals(old.drop("symbol"))
        younger = {"start": "2026-11-20T00:00", "end": "2026-11-20T06:00"}
        assert after.get_candle(OLD, "1m", **younger, rename=rename).height
        with pytest.warns(UserWarning, match="both have"):
            lazy = after.lake().scan(OLD, "1m", *WIDER.values(), rename=rename).collect()
        assert lazy.equals(found.drop("state"))


def test_what_the_lake_lacks_of_a_market_that_ends_is_said_before_and_after(provider, exchange):
    exchange.set_market(XRP, "warn")
    with later(provider, exchange) as after:
        (row,) = after.status().lacking.filter(symbol=XRP).to_dicts()
        assert (row["reason"], row["timeframe"], row["last_seen"]) == (
            "warned",
            "1m",
            date(2026, 11, 21),
        )
        assert f"endings      {XRP} 1m lacks" in repr(after.status())
        said = after.doctor().filter(check="endings", state="look")["detail"].to_list()
        assert any(each.startswith(f"{XRP} 1m is announced to end") for each in said)
    exchange.set_market(XRP, "end")
    with later(provider, exchange, "2026-11-22T00:00:30Z") as after:
        (row,) = after.status().lacking.filter(symbol=XRP).to_dicts()
        assert (row["reason"], row["last_seen"]) == ("ended", date(2026, 11, 21))
        said = after.doctor().filter(check="endings", state="note")["detail"].to_list()
        assert any(each.startswith(f"{XRP} 1m ended after 2026-11-21") for each in said)


def test_a_file_may_fetch_what_is_announced_to_end_before_all_else(
    provider, exchange, tmp_path, capsys
):
    exchange.set_market(XRP, "warn")
    config = tmp_path / "backfill.toml"
    text = (
        f'[[universe]]\nsymbols = ["KRW-BTC", "{XRP}"]\nwarning = false\ndepth = {{ 1d = "9d" }}\n'
    )
    config.write_text(f"rescue = true\n{text}")
    where = ["--endpoint", exchange.endpoint, "--lake", str(provider.lake().root)]
    exchange.reset_stats()
    with later(provider, exchange) as after:
        assert main(["backfill", "--config", str(config), *where]) == 0
        asked = [each["query"] for each in exchange.requests() if "candles" in each["path"]]
        markets = [query.partition("market=")[2].partition("&")[0] for query in asked]
        assert markets[0] == XRP
        assert markets == sorted(markets, key=lambda each: each != XRP)
        lacks = after.status().lacking.filter(symbol=XRP)
        assert "1d" not in lacks["timeframe"]
        assert after.get_candle(XRP, "1d", start="2017-01-01", source="lake").height > 1000
    assert "jobs=2" in capsys.readouterr().out


def test_the_doctor_prints_what_is_lacking(provider, exchange, capsys):
    exchange.set_market(XRP, "warn")
    with later(provider, exchange):
        where = ["--endpoint", exchange.endpoint, "--lake", str(provider.lake().root)]
        assert main(["doctor", *where]) == 3
        assert f"{XRP} 1m is announced to end" in capsys.readouterr().out


def test_a_file_with_markets_that_have_ended_does_the_others_and_names_them(
    provider, exchange, tmp_path, capsys
):
    exchange.set_market(XRP, "end")
    exchange.set_market("KRW-ADA", "end")
    config = tmp_path / "backfill.toml"
    universes = (f'["{XRP}"]', '["KRW-BTC", "KRW-ADA", "KRW-ETH"]')
    config.write_text(
        "\n".join(f'[[universe]]\nsymbols = {each}\ndepth = {{ 1h = "2d" }}' for each in universes)
    )
    where = ["--endpoint", exchange.endpoint, "--lake", str(provider.lake().root)]
    with later(provider, exchange) as after:
        assert main(["backfill", "--config", str(config), *where]) == 3
        out, err = capsys.readouterr()
        assert "state=incomplete jobs=1" in out
        assert "failures=2" in out
        for symbol in (XRP, "KRW-ADA"):
            (line,) = [each for each in err.splitlines() if each.startswith(f"{symbol} 1h:")]
            assert "last on 2026-11-20" in line
        span = {"start": "2026-11-19T01:00", "end": "2026-11-20T23:00"}
        found = after.get_candle(["KRW-BTC", "KRW-ETH"], "1h", **span, source="lake")
        assert found["symbol"].n_unique() == 2
