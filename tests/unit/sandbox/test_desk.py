"""Endpoints: what is cut, refused, paged and converted."""

from __future__ import annotations

import json

import pytest

from marketkit.sandbox.control import moment
from marketkit.sandbox.desk import Desk, route
from marketkit.sandbox.markets import Markets
from marketkit.sandbox.patience import TooLong, within
from marketkit.sandbox.query import Query
from marketkit.sandbox.synthetic import seeded

CODE, MISSING = "Code not found", "Missing request parameter error. Check the required parameters!"


MISTYPED, INVALID = (
    "Type mismatch error. Check the parameters type!",
    "Invalid parameter. Check the given value!",
)


@pytest.mark.parametrize(
    ("path", "group"),
    [
        ("market/all", "market"),
        ("candles/days?market=KRW-BTC", "candles"),
        ("trades/ticks?market=KRW-BTC", "crix-trades"),
        ("ticker?markets=KRW-BTC", "ticker"),
        ("ticker/all?quote_currencies=EUR", "ticker"),
        ("orderbook?markets=KRW-BTC", "orderbook"),
        ("orderbook/instruments?markets=KRW-BTC", "orderbook"),
    ],
)
def test_every_endpoint_belongs_to_its_group(client, path, group):
    assert client.get(path).headers["remaining-req"].startswith(f"group={group}; ")


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("candles/minutes/1?market=KRW-NOPE", 404, CODE),
        ("ticker?markets=KRW-BTC,KRW-NOPE", 404, CODE),
        ("orderbook?markets=KRW-NOPE", 404, CODE),
        ("trades/ticks?market=KRW-BTC,KRW-ETH", 404, CODE),
        ("orderbook/instruments?markets=x", 404, CODE),
        ("orderbook", 400, MISSING),
        ("ticker", 400, MISSING),
        ("ticker/all", 400, MISSING),
        ("candles/days", 400, MISSING),
        ("orderbook?markets=KRW-BTC&count=abc", 400, MISTYPED),
        ("candles/weeks?market=KRW-BTC&count=0", 400, INVALID),
        ("trades/ticks?market=KRW-BTC&count=-5", 400, INVALID),
        ("trades/ticks?market=KRW-BTC&days_ago=8", 400, INVALID),
        ("trades/ticks?market=KRW-BTC&cursor=x", 400, MISTYPED),
        ("candles/days?market=KRW-BTC&to=soon", 400, INVALID),
        ("candles/days?market=KRW-BTC&converting_price_unit=USD", 400, INVALID),
        ("candles/minutes/120?market=KRW-BTC", 400, "specified unit is not valid."),
    ],
)
def test_errors_are_the_documented_ones_and_count(client, path, status, message):
    reply = client.get(path)
    assert (reply.status_code, reply.json()) == (
        status,
        {"error": {"name": status, "message": message}},
    )
    assert "remaining-req" in reply.headers


@pytest.mark.parametrize(("count", "rows"), [("1", 1), ("200", 200), ("201", 200), ("1000", 200)])
def test_a_candle_page_is_cut_to_200_rows(client, count, rows):
    assert len(client.get(f"candles/minutes/1?market=KRW-BTC&count={count}").json()) == rows


def test_books_are_cut_to_30_levels_and_trades_to_500(client):
    for count, units in ((None, 30), (5, 5), (31, 30)):
        book = client.get(
            "orderbook", params={"markets": "KRW-BTC", **({"count": count} if count else {})}
        ).json()[0]
        assert len(book["orderbook_units"]) == units
    assert len(client.get("trades/ticks?market=KRW-BTC&count=501").json()) == 500
    assert len(client.get("trades/ticks?market=KRW-BTC").json()) == 1


def test_to_excludes_the_candle_that_starts_there_and_a_second_later_includes_it(client):
    def first(to):
        return client.get(f"candles/minutes/1?market=krw-btc&to={to}").json()[0][
            "candle_date_time_utc"
        ]

    assert first("2026-09-01T00:00:00Z") == "2026-08-31T23:59:00"
    assert first("2026-09-01T00:00:01Z") == "2026-09-01T00:00:00"
    assert first("2026-09-01T00:00:00.999Z") == "2026-08-31T23:59:00"
    assert first("2026-09-01T09:00:00%2B09:00") == "2026-08-31T23:59:00"


def test_a_to_in_the_future_gives_the_newest_candles(client):
    newest = client.get("candles/minutes/1?market=KRW-BTC&count=3").content
    assert (
        client.get("candles/minutes/1?market=KRW-BTC&count=3&to=2030-01-01T00:00:00Z").content
        == newest
    )
    assert json.loads(newest)[0]["candle_date_time_utc"] == "2026-11-20T10:17:00"


def test_before_a_listing_there_is_an_empty_page(client):
    reply = client.get("candles/minutes/1?market=KRW-BTC&to=2017-09-25T03:00:00Z")
    assert (reply.status_code, reply.content) == (200, b"[]")


def test_trades_page_by_cursor_and_never_cross_their_day(client):
    first = client.get("trades/ticks?market=KRW-BTC&count=300&days_ago=1").json()
    then = client.get(
        f"trades/ticks?market=KRW-BTC&count=5&days_ago=1&cursor={first[-1]['sequential_id']}"
    ).json()
    assert then[0]["sequential_id"] < first[-1]["sequential_id"]
    assert {row["trade_date_utc"] for row in first + then} == {"2026-11-19"}
    night = client.get("trades/ticks?market=KRW-BTC&count=500&days_ago=1&to=00:05:00").json()
    assert {row["trade_date_utc"] for row in night} == {"2026-11-19"}
    assert night[0]["trade_time_utc"] < "00:05:00"


def test_a_cursor_cuts_between_trades_of_one_millisecond(client):
    path = "trades/ticks?market=KRW-BTC&count=200&days_ago=1"
    whole = client.get(path).json()
    shared = [n for n in range(1, 150) if whole[n]["timestamp"] == whole[n - 1]["timestamp"]]
    assert len(shared) > 10
    for place in shared[:5]:
        older = client.get(f"{path}&cursor={whole[place - 1]['sequential_id']}").json()
        assert older[:20] == whole[place : place + 20]


def test_no_days_ago_and_zero_are_today(client):
    today = client.get("trades/ticks?market=KRW-BTC&count=20")
    assert client.get("trades/ticks?market=KRW-BTC&count=20&days_ago=0").content == today.content


def test_a_coin_pair_converts_to_won_and_a_won_pair_to_null(client):
    def converted(market):
        return client.get(f"candles/days?market={market}&converting_price_unit=KRW").json()[0][
            "converted_trade_price"
        ]

    assert converted("KRW-ETH") is None
    assert converted("BTC-ETH") > 1_000_000


def test_all_markets_of_a_quote_fit_into_one_call(client):
    codes = [row["market"] for row in client.get("market/all").json()]
    won = [code for code in codes if code.startswith("KRW-")]
    rows = client.get("ticker", params={"markets": won}).json()
    assert [row["market"] for row in rows] == won
    assert client.get("ticker/all?quote_currencies=KRW").json() == rows
    everything = client.get("ticker/all?quote_currencies=KRW,BTC,USDT").json()
    assert [row["market"] for row in everything] == codes


@pytest.mark.parametrize(
    ("path", "group"),
    [
        ("market/all", "market"),
        ("candles/minutes/240", "candles"),
        ("candles/minutes/7", "candles"),
        ("candles/weeks", "candles"),
        ("trades/ticks", "crix-trades"),
        ("ticker/all", "ticker"),
        ("orderbook/supported_levels", "orderbook"),
        ("candles/fortnights", None),
        ("candles/days/1", None),
        ("tickers", None),
    ],
)
def test_a_path_has_one_rate_group_or_no_route(path, group):
    routed = route(Desk(Markets({})), path)
    assert (routed[0] if routed else None) == group


def test_a_long_row_of_tickers_or_books_is_refused_where_others_wait():
    desk = Desk(Markets(seeded(1)))
    now = moment("2026-11-20")
    symbols = ",".join(market.symbol for market in desk.markets.listed(now))
    with within(0.01):
        with pytest.raises(TooLong):
            desk.ticker_all(Query("quote_currencies=KRW,BTC,USDT"), now)
        with pytest.raises(TooLong):
            desk.orderbook(Query(f"markets={symbols}"), now)
