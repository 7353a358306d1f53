"""What is wrong with one market is that market's failure: the others are given, and it is named."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import marketkit as mk
from marketkit.api.sync import SmartDataProvider
from marketkit.sandbox import Sandbox
from marketkit.timeframe import parse_time
from tests.integration.conftest import FAST, FAST_LIMITS, NOW

BAD, GONE = "KRW-ETH", "KRW-XRP"
SOME = ["KRW-BTC", "KRW-DOGE", "KRW-ETH", "KRW-SOL", "KRW-XRP"]


@pytest.fixture
def exchange() -> Iterator[Sandbox]:
    """A sandbox of this test's own: what happens to its markets cannot be taken back."""
    with Sandbox(seed=1, now=NOW, speed=0, limit=FAST) as one:
        yield one


@pytest.fixture
def provider(exchange: Sandbox, tmp_path: Path) -> Iterator[SmartDataProvider]:
    lake = tmp_path / "lake"
    with SmartDataProvider(endpoint=exchange.endpoint, lake=lake, limits=FAST_LIMITS) as one:
        one.get_market()  # the list that is out of date from now on
        exchange.reset_stats()
        yield one


CALLS = {
    "ticker": lambda p, s, **more: p.get_ticker(s, **more),
    "orderbook": lambda p, s, **more: p.get_orderbook(s, depth=1, **more),
    "trades": lambda p, s, **more: p.get_trade(s, count=3, **more),
    "candles": lambda p, s, **more: p.get_candle(s, "1m", count=3, **more),
    "candles, exchange": lambda p, s, **more: p.get_candle(
        s, "1m", count=3, source="exchange", **more
    ),
}
BATCHES = {name: CALLS[name] for name in ("ticker", "orderbook")}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
each_batch = pytest.mark.parametrize("call", BATCHES.values(), ids=BATCHES)


def symbols(frame):
    return frame["symbol"].unique().sort().to_list()


def others(names, *without):
    return [name for name in names if name not in without]


def paths(exchange):
    """The paths of all requests, in order."""
    return [each["path"].removeprefix("/v1/") for each in exchange.requests()]


@each_call
def test_a_market_that_ended_is_named_and_the_others_are_given(provider, exchange, call):
    exchange.set_market(GONE, "end")
    with pytest.raises(mk.PartialResult, match="not listed any more") as partial:
        call(provider, SOME)
    assert symbols(partial.value.frame) == others(SOME, GONE)
    assert list(partial.value.failures) == [GONE]
    assert isinstance(partial.value.failures[GONE], mk.UnknownSymbol)
    assert paths(exchange).count("market/all") == 1
    with pytest.warns(UserWarning, match=f"{GONE} skipped: .*not listed any more"):
        assert symbols(call(provider, SOME, on_error="skip")) == others(SOME, GONE)
    with pytest.raises(mk.UnknownSymbol, match="not listed any more"):
        call(provider, GONE)


@each_batch
def test_a_glob_goes_on_without_the_market_that_ended_after_a_word(provider, exchange, call):
    names = provider.get_market("KRW")["symbol"].to_list()
    exchange.set_market(GONE, "end")
    with pytest.warns(UserWarning, match=f"{GONE} skipped: .*not listed any more") as said:
        frame = call(provider, "KRW-*")
    assert (symbols(frame), len(said)) == (others(names, GONE), 1)
    assert len(exchange.requests()) <= 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert symbols(call(provider, "KRW-*")) == others(names, GONE)


def test_the_story_of_a_glob_names_the_market_that_ended(provider, exchange):
    exchange.set_market(GONE, "end")
    reply = provider.with_response.get_ticker("KRW-*")
    assert list(reply.failures) == [GONE]
    assert [each["path"] for each in exchange.requests()] == ["/v1/ticker/all", "/v1/market/all"]


def test_the_list_of_markets_with_instruments_goes_on_without_the_market_that_ended(
    provider, exchange
):
    names = provider.get_market()["symbol"].to_list()
    exchange.set_market(GONE, "end")
    with pytest.warns(UserWarning, match=f"{GONE} has no tick size"):
        found = provider.get_market(instruments=True)
    assert found["symbol"].to_list() == others(names, GONE)
    assert found["tick_size"].null_count() == 0
    assert paths(exchange).count("market/all") == 1


@each_batch
def test_callers_at_the_same_time_ask_for_the_list_once(provider, exchange, call):
    exchange.set_market(GONE, "end")
    wanted = [[*SOME[:at], GONE] for at in range(1, 5)]
    with ThreadPoolExecutor(4) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frames = list(pool.map(lambda some: call(provider, some, on_error="skip"), wanted))
    assert [symbols(frame) for frame in frames] == [SOME[:at] for at in range(1, 5)]
    assert paths(exchange).count("market/all") == 1


@each_batch
@pytest.mark.parametrize("kind", ["null-price", "zero-price", "wrong-market"])
def test_a_bad_row_is_the_failure_of_its_market(provider, exchange, call, kind):
    exchange.set_odd(kind, BAD)
    with pytest.raises(mk.PartialResult) as partial:
        call(provider, SOME)
    assert symbols(partial.value.frame) == others(SOME, BAD)
    assert list(partial.value.failures) == [BAD]
    assert isinstance(partial.value.failures[BAD], mk.BadResponse)
    if kind == "wrong-market":  # without a row it is as one that does not trade yet
        with pytest.warns(UserWarning, match=f"{BAD} skipped"):
            assert BAD not in symbols(call(provider, "KRW-*", precision="decimal"))
    else:
        with pytest.raises(mk.PartialResult) as partial:
            call(provider, "KRW-*", precision="decimal")
        assert list(partial.value.failures) == [BAD]
    exchange.set_odd("none")
    assert symbols(call(provider, BAD)) == [BAD]  # nothing odd was remembered


@pytest.mark.parametrize("kind", ["null-price", "zero-price", "wrong-market"])
@pytest.mark.parametrize("name", ["trades", "candles", "candles, exchange"])
def test_a_bad_row_of_a_page_is_the_failure_of_its_market(provider, exchange, name, kind):
    exchange.set_odd(kind, BAD)
    with pytest.raises(mk.PartialResult) as partial:
        CALLS[name](provider, SOME)
    assert symbols(partial.value.frame) == others(SOME, BAD)
    assert isinstance(partial.value.failures[BAD], mk.BadResponse)


@pytest.mark.parametrize("kind", ["outside-window", "future-candle", "unordered"])
def test_no_candle_that_was_not_asked_for_is_kept_as_truth(provider, exchange, kind):
    exchange.set_odd(kind, BAD, path="candles")
    window = {"start": "2026-11-19T12:00:00Z", "end": "2026-11-19T20:00:00Z"}
    reply = provider.with_response.get_candle(SOME, "1m", **window)
    assert set(reply.failures) <= {BAD}  # an order alone does no harm
    assert symbols(reply.frame) == others(SOME, *reply.failures)
    exchange.set_odd("none")
    assert provider.backfill(SOME, "1m", **window, show=False).wait().complete
    start, end = (parse_time(each) for each in window.values())
    for symbol in SOME:
        kept = provider.lake().read(symbol, "1m")["time"].dt.epoch("ms").to_list()
        true = exchange.candles(symbol, "1m", start, end)["time"].to_list()
        assert [each for each in kept if each >= start] == true


def test_a_trade_of_another_day_is_the_failure_of_its_market(provider, exchange):
    exchange.set_odd("outside-window", BAD, path="trades")
    with pytest.raises(mk.PartialResult, match="got one of 2026-11-2") as partial:
        provider.get_trade(SOME, count=3)
    assert list(partial.value.failures) == [BAD]
    exchange.set_odd("none")
    exchange.set_odd("unordered", BAD, path="trades")
    assert provider.get_trade(BAD, count=30)["sequential_id"].is_sorted()


@each_call
@pytest.mark.parametrize("kind", ["extra-field", "unknown-enum"])
def test_what_is_new_and_does_no_harm_is_no_failure(provider, exchange, call, kind):
    if kind == "unknown-enum" and call in (CALLS["trades"], CALLS["ticker"]):
        pytest.skip("the side of a trade, or the direction of a ticker, is part of the answer")
    exchange.set_odd(kind, BAD)
    assert symbols(call(provider, SOME)) == SOME


def test_the_list_of_markets_bears_odd_rows(provider, exchange):
    for kind in ("extra-field", "unknown-enum"):
        exchange.set_odd(kind, BAD, path="market")
    with SmartDataProvider(
        endpoint=exchange.endpoint, lake=provider.lake().root / "x", limits=FAST_LIMITS
    ) as another:
        assert BAD in another.get_market()["symbol"].to_list()
        assert another.get_ticker(SOME).height == len(SOME)


def test_a_market_without_a_book_yet_is_named_so(provider, exchange):
    exchange.set_market(BAD, "pause")
    for call in BATCHES.values():
        with pytest.raises(mk.PartialResult, match="PREVIEW") as partial:
            call(provider, SOME)
        assert list(partial.value.failures) == [BAD]
    exchange.reset_stats()
    with pytest.warns(UserWarning, match=f"{BAD} skipped.*PREVIEW"):
        assert BAD not in symbols(provider.get_orderbook("KRW-*", depth=1))
    assert paths(exchange) == ["orderbook"]  # that it is listed is known for a while


ODD_CODES = ["USDT-币安人生", "KRW-BRK.B"]


@pytest.fixture
def odd(exchange: Sandbox, tmp_path: Path) -> Iterator[SmartDataProvider]:
    """A provider of an exchange that lists odd codes, asked nothing yet."""
    for code in ODD_CODES:
        exchange.set_odd("odd-code", code)
    lake = tmp_path / "odd"
    with SmartDataProvider(endpoint=exchange.endpoint, lake=lake, limits=FAST_LIMITS) as one:
        yield one


@each_call
@pytest.mark.parametrize("warm", [False, True])
def test_an_odd_code_is_a_market_like_others(odd, call, warm):
    if warm:
        odd.get_market()
    assert symbols(call(odd, [*ODD_CODES, "KRW-BTC"])) == sorted([*ODD_CODES, "KRW-BTC"])
    assert symbols(call(odd, ODD_CODES[1])) == ODD_CODES[1:]


def test_the_candles_of_an_odd_code_are_kept_under_its_name(odd):
    first = odd.get_candle(ODD_CODES, "1m", count=5)
    assert odd.get_candle(ODD_CODES, "1m", count=5, source="lake").equals(first)
    folders = {path.name for path in odd.lake().root.rglob("series=*")}
    assert folders == {f"series={code}" for code in ODD_CODES}
    assert odd.lake().audit().is_empty()


def test_globs_over_whole_quotes_stay_one_request_whatever_the_list_has(odd, exchange):
    names = odd.get_market()["symbol"].to_list()
    exchange.set_market(GONE, "end")
    exchange.reset_stats()
    with pytest.warns(UserWarning, match=GONE):
        assert symbols(odd.get_ticker("*")) == others(names, GONE)
    assert paths(exchange) == ["ticker/all", "market/all"]


def test_no_url_is_longer_than_four_thousand_characters(provider, exchange):
    names = provider.get_market()["symbol"].to_list()
    exchange.reset_stats()
    assert symbols(provider.get_orderbook("*", depth=1)) == names
    provider.get_market(instruments=True)
    provider.get_ticker(names[::3])
    sent = exchange.requests()
    assert max(len(exchange.endpoint + each["path"] + each["query"]) + 1 for each in sent) <= 4_000
    assert {each["status"] for each in sent} == {200}


def test_an_endpoint_that_takes_shorter_urls_is_asked_in_halves(provider, exchange, monkeypatch):
    monkeypatch.setattr("marketkit.sandbox.app._LONGEST_URL", 1_000)
    assert provider.get_orderbook("KRW-*", depth=1).height == 289
    assert {each["status"] for each in exchange.requests()} == {200, 414}
    assert len(exchange.requests()) <= 7


@pytest.mark.parametrize("level", [7, 7.5])
def test_a_level_that_a_market_does_not_have_is_answered_with_those_it_has(provider, level):
    with pytest.raises(mk.InputError, match=rf"level={level}: the levels of KRW-BTC are 0, 1"):
        provider.get_orderbook("KRW-BTC", level=level)


def test_a_level_of_one_market_is_no_failure_of_it_because_another_lacks_it(provider):
    with pytest.raises(mk.PartialResult, match="the levels of KRW-DOGE are 0") as partial:
        provider.get_orderbook(["KRW-BTC", "KRW-DOGE"], level=100_000_000, depth=1)
    assert symbols(partial.value.frame) == ["KRW-BTC"]
    assert list(partial.value.failures) == ["KRW-DOGE"]


@pytest.mark.parametrize("slip", ["BTC-KRW", "BTC", "BTCKRW"])
@each_call
def test_a_slip_is_answered_with_the_market_that_is_meant(provider, call, slip):
    with pytest.raises(mk.UnknownSymbol, match="did you mean 'KRW-BTC'"):
        call(provider, slip)


@pytest.mark.parametrize("known", ["ended before", "ended after the list was fetched"])
def test_a_backfill_does_the_others_and_reports_the_market_that_ended(
    exchange, provider, tmp_path, known
):
    exchange.set_market(GONE, "end")
    one = provider
    if known == "ended before":
        one = SmartDataProvider(
            endpoint=exchange.endpoint, lake=tmp_path / "new", limits=FAST_LIMITS
        )
    window = {"start": "2026-11-18", "end": "2026-11-19"}
    report = one.backfill(SOME, "5m", **window, show=False).wait()
    assert list(report.failures) == [GONE]
    assert isinstance(report.failures[GONE], mk.UnknownSymbol)
    assert one.lake().gaps(others(SOME, GONE), "5m", **window).is_empty()
    if known != "ended before":
        assert "not listed any more" in str(report.failures[GONE])
    one.close()
