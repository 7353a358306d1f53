"""The running exchange, over real HTTP."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from urllib.parse import urlsplit

import httpx
import pytest

from marketkit.errors import InputError
from marketkit.sandbox import Sandbox
from marketkit.sandbox.control import moment

NOW = "2026-11-20T10:17:30.500"
ENDPOINTS = {
    "get_candles_seconds": "candles/seconds?market=KRW-BTC",
    "get_candles_minutes": "candles/minutes/1?market=KRW-BTC",
    "get_candles_days": "candles/days?market=KRW-BTC",
    "get_candles_weeks": "candles/weeks?market=KRW-BTC",
    "get_candles_months": "candles/months?market=KRW-BTC",
    "get_candles_years": "candles/years?market=KRW-BTC",
    "get_trades": "trades/ticks?market=KRW-BTC",
    "get_tickers": "ticker?markets=KRW-BTC",
    "get_tickers_by_quote": "ticker/all?quote_currencies=USDT",
    "get_orderbooks": "orderbook?markets=KRW-BTC",
    "get_orderbook_instruments": "orderbook/instruments?markets=KRW-BTC",
}
CODE, MISSING = "Code not found", "Missing request parameter error. Check the required parameters!"
MISTYPED, INVALID = (
    "Type mismatch error. Check the parameters type!",
    "Invalid parameter. Check the given value!",
)


@pytest.fixture(scope="module")
def exchange():
    with Sandbox(now=NOW, speed=0, limit=(10_000, 1.0)) as running:
        yield running


@pytest.fixture(scope="module")
def client(exchange):
    with httpx.Client(base_url=exchange.endpoint + "/v1/", timeout=30) as session:
        yield session


def shape(value):
    """Return the keys of a body in order, all the way down, of the first of each list."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}.items()
    return [shape(part) for part in value[:1]] if isinstance(value, list) else None


@pytest.mark.parametrize("name", list(ENDPOINTS))
def test_fields_come_in_the_order_the_exchange_sends_them(shared, client, name):
    recorded = json.loads((shared / f"fixtures/upbeat_rest_2026-03-11/{name}.json").read_text())[
        "response"
    ]
    ours = client.get(ENDPOINTS[name])
    assert str(shape(ours.json())) == str(shape(recorded["body"]))


def test_market_rows_have_the_recorded_fields(shared, client):
    recorded = json.loads(
        (shared / "fixtures/pycex_2026-08-30/markets_is_details.json").read_text()
    )
    assert str(shape(client.get("market/all?is_details=true").json())) == str(shape(recorded))
    assert (
        client.get("market/all?isDetails=true").content
        == client.get("market/all?is_details=true").content
    )
    assert list(client.get("market/all").json()[0]) == ["market", "korean_name", "english_name"]


def test_the_headers_are_the_recorded_ones(client):
    reply = client.get("candles/minutes/1?market=KRW-BTC")
    names = [name.decode() for name, _ in reply.headers.raw]
    assert sorted(names) == sorted(
        [
            "Date",
            "Content-Type",
            "Remaining-Req",
            "Limit-By-Ip",
            "ETag",
            "Cache-Control",
            "Pragma",
            "Expires",
            "Connection",
            "Vary",
            "Content-Encoding",
            "Transfer-Encoding",
        ]
    )
    assert reply.headers["content-type"] == "application/json;charset=UTF-8"
    assert reply.headers["date"] == "Fri, 20 Nov 2026 10:17:30 GMT"
    assert re.fullmatch(r'W/"0[0-9a-f]{32}"', reply.headers["etag"])
    assert re.fullmatch(r"group=candles; min=600000; sec=\d+", reply.headers["remaining-req"])
    assert reply.headers["cache-control"] == "no-cache, no-store, max-age=0, must-revalidate"


def test_small_bodies_and_unwilling_clients_get_them_plain(client):
    small = client.get("orderbook/instruments?markets=KRW-BTC")
    plain = client.get(
        "candles/days?market=KRW-BTC&count=9", headers={"Accept-Encoding": "identity"}
    )
    for reply in (small, plain):
        assert "content-encoding" not in reply.headers
        assert int(reply.headers["content-length"]) == len(reply.content)


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


def test_a_request_with_an_origin_counts_in_a_group_of_its_own(client):
    reply = client.get("market/all", headers={"Origin": "https://example.com"})
    assert reply.headers["remaining-req"] == "group=origin; min=6; sec=0"
    assert (
        client.get("ticker?markets=KRW-BTC", headers={"Origin": "https://example.com"}).status_code
        == 429
    )


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


def test_a_path_that_does_not_exist_is_the_gateways_answer(client):
    for path in ("nope", "candles", "candles/minutes", "candles/days/1", "../v2/ticker"):
        reply = client.get(path)
        assert reply.status_code == 404
        assert reply.json() == {
            "error": {"name": "not_found", "message": "no Route matched with those values"}
        }
        assert "remaining-req" not in reply.headers


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


def test_candles_trades_and_tickers_have_eight_places_on_the_wire(client):
    for path in ("candles/minutes/1?market=KRW-BTC", "trades/ticks?market=BTC-ETH&days_ago=1"):
        numbers = re.findall(r'(?:price|volume)":(-?[\d.]+)', client.get(path).text)
        assert numbers
        assert all(re.fullmatch(r"-?\d+\.\d{8}", number) for number in numbers)
    text = client.get("candles/days?market=KRW-BTC").text
    assert re.search(r'"change_rate":-?0\.\d{10}\}', text)
    assert re.search(r'"acc_trade_price":\d+\.\d{16},', client.get("ticker?markets=KRW-BTC").text)


def test_an_unchanged_price_has_bare_zeros_on_the_wire(client, exchange):
    rows = client.get("ticker/all?quote_currencies=BTC").text.split("},{")
    even = [row for row in rows if '"EVEN"' in row]
    assert even
    for row in even:
        assert (
            '"change_price":0,"change_rate":0,"signed_change_price":0,"signed_change_rate":0,'
            in row
        )


def test_book_prices_are_whole_numbers_on_the_wire(client):
    text = client.get("orderbook?markets=KRW-BTC&count=1").text
    assert re.search(r'"bid_price":\d+,"bid_size":\d+\.\d{8},"ask_price":\d+,', text)
    assert text.endswith('"level":0}]')
    assert client.get("orderbook?markets=BTC-ETH&level=100").content == b"[]"
    assert client.get("orderbook?markets=KRW-BTC&level=7").content == b"[]"


def test_the_fraction_spelling_gives_every_decimal_a_fraction():
    with Sandbox(now=NOW, speed=0, spelling="fraction", limit=(1000, 1.0)) as exchange:
        for path in ("ticker/all?quote_currencies=BTC", "orderbook?markets=KRW-BTC,BTC-MK100"):
            body = json.loads(
                httpx.get(f"{exchange.endpoint}/v1/{path}").text,
                parse_int=lambda text: f"int {text}",
            )
            rows = [*body, *(unit for row in body for unit in row.get("orderbook_units", []))]
            whole = {
                key for row in rows for key, value in row.items() if str(value).startswith("int ")
            }
            assert whole <= {"timestamp", "trade_timestamp"}


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


def test_a_coin_pair_converts_to_won_and_a_won_pair_to_null(client):
    def converted(market):
        return client.get(f"candles/days?market={market}&converting_price_unit=KRW").json()[0][
            "converted_trade_price"
        ]

    assert converted("KRW-ETH") is None
    assert converted("BTC-ETH") > 1_000_000


def test_all_markets_fit_into_one_call(client):
    codes = [row["market"] for row in client.get("market/all").json()]
    rows = client.get("ticker", params={"markets": codes}).json()
    assert [row["market"] for row in rows] == codes
    everything = client.get("ticker/all?quote_currencies=KRW,BTC,USDT").json()
    assert everything == rows


def test_the_eleventh_call_of_a_second_is_refused_as_text_by_default():
    with Sandbox(now=NOW, speed=0) as exchange, httpx.Client(base_url=exchange.endpoint) as session:
        replies = [session.get("/v1/candles/days?market=KRW-BTC") for _ in range(11)]
        assert [reply.status_code for reply in replies] == [200] * 10 + [429]
        assert replies[-1].text == "Too many API requests."
        assert replies[-1].headers["content-type"].startswith("text/plain")
        assert replies[-1].headers["remaining-req"] == "group=candles; min=600; sec=0"
        assert session.get("/v1/market/all").status_code == 200
        stats = session.get("/sandbox/stats").json()
        assert stats == exchange.stats()
        assert stats["groups"]["candles"] == {"requests": 11, "rejected": 1, "worst_1s": 11}
        assert session.post("/sandbox/stats/reset").json()["groups"]["candles"]["requests"] == 0


def test_a_ban_answers_418_and_a_json_body_can_be_asked_for():
    with Sandbox(now=NOW, speed=0, limit=(1, 60.0), ban_after=2, limit_body="json") as exchange:
        replies = [httpx.get(f"{exchange.endpoint}/v1/market/all") for _ in range(4)]
        assert [reply.status_code for reply in replies] == [200, 429, 429, 418]
        assert replies[1].json()["error"]["name"] == "too_many_requests"
        assert "60 seconds" in replies[3].json()["error"]["message"]


@pytest.mark.parametrize("kind", ["429", "418", "500"])
def test_an_injected_status_is_counted_as_a_fault_and_not_as_a_rejection(kind):
    with Sandbox(now=NOW, speed=0, faults={kind: 1.0}) as exchange:
        assert httpx.get(f"{exchange.endpoint}/v1/market/all").status_code == int(kind)
        stats = exchange.stats()
        assert stats["faults"][kind] == 1
        assert stats["groups"]["market"] == {"requests": 1, "rejected": 0, "worst_1s": 1}
        assert exchange.requests()[0]["fault"] == kind


def test_bodies_can_go_wrong_in_every_way():
    path = "/v1/candles/minutes/1?market=KRW-BTC&count=5"
    with (
        Sandbox(now=NOW, speed=0, limit=(1000, 1.0)) as exchange,
        httpx.Client(base_url=exchange.endpoint) as session,
    ):
        good = session.get(path).json()
        exchange.set_faults({"reset": 1.0})
        with pytest.raises(httpx.ReadError):
            session.get(path)
        exchange.set_faults({"truncate": 1.0})
        with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|without sending complete"):
            session.get(path)
        exchange.set_faults({"badjson": 1.0})
        with pytest.raises(json.JSONDecodeError):
            session.get(path).json()
        exchange.set_faults({"html": 1.0})
        assert session.get(path).headers["content-type"].startswith("text/html")
        exchange.set_faults({"duplicate": 1.0})
        twice = session.get(path).json()
        assert twice == [*good[:3], *good[2:]]
        assert session.post("/sandbox/faults?500=0.5").json() == {"500": 0.5}
        assert session.post("/sandbox/faults").json() == {}
        assert session.get(path).json() == good
        assert session.post("/sandbox/faults?503=1").status_code == 400


def test_a_client_that_leaves_early_is_noticed_and_its_request_still_counts():
    with Sandbox(now=NOW, speed=0, latency_ms=200) as exchange:
        address = urlsplit(exchange.endpoint)
        with socket.create_connection((address.hostname, address.port)) as impatient:
            impatient.sendall(b"GET /v1/market/all HTTP/1.1\r\nHost: x\r\n\r\n")
        # An answer to a later request comes after the earlier one was given up.
        assert httpx.get(f"{exchange.endpoint}/v1/candles/days?market=KRW-BTC").status_code == 200
        assert exchange.stats()["aborted"] == 1
        assert exchange.stats()["groups"]["market"]["requests"] == 1


def test_the_latency_is_the_whole_round_trip():
    with (
        Sandbox(now=NOW, speed=0, latency_ms=60) as exchange,
        httpx.Client(base_url=exchange.endpoint) as session,
    ):
        begin = time.monotonic()
        session.get("/v1/market/all")
        done = time.monotonic()
        arrival = exchange.requests()[0]["arrival"]
        assert arrival - begin >= 0.03
        assert done - arrival >= 0.03


def test_the_clock_can_be_read_set_and_sped_up_over_http():
    with Sandbox(now=NOW, speed=0) as exchange, httpx.Client(base_url=exchange.endpoint) as session:
        assert session.get("/sandbox/clock").json() == {
            "now": "2026-11-20T10:17:30.500+00:00",
            "ms": moment(NOW),
            "speed": 0,
        }
        reply = session.post("/sandbox/clock", params={"now": "2026-01-01T00:00:00Z", "speed": "0"})
        assert reply.json()["ms"] == exchange.now() == moment("2026-01-01")
        newest = session.get("/v1/candles/minutes/1?market=KRW-BTC").json()[0]
        assert newest["candle_date_time_utc"] == "2025-12-31T23:59:00"
        assert session.post("/sandbox/clock?now=soon").status_code == 400
        exchange.set_clock(speed=1000.0)
        assert session.get("/sandbox/clock").json()["speed"] == 1000.0
        assert session.get("/sandbox/nope").status_code == 404


def test_recent_requests_are_listed(exchange, client):
    client.get("ticker?markets=KRW-ETH")
    latest = client.get("../sandbox/requests").json()[-1]
    assert (latest["path"], latest["query"], latest["status"]) == (
        "/v1/ticker",
        "markets=KRW-ETH",
        200,
    )
    assert latest == exchange.requests()[-1]


def test_the_truth_of_a_seed_is_what_its_pages_say(exchange, client):
    start, end = moment("2026-11-20T09:00:00"), moment("2026-11-20T11:00:00")
    truth = exchange.candles("KRW-DOGE", "1m", start, end)
    page = client.get("candles/minutes/1?market=KRW-DOGE&count=200&to=2026-11-20T10:17:00").json()[
        ::-1
    ]
    served = [row for row in page if row["candle_date_time_utc"] >= "2026-11-20T09:00:00"]
    assert truth["volume"].to_list() == [row["candle_acc_trade_volume"] for row in served]
    assert truth["value"].to_list() == [row["candle_acc_trade_price"] for row in served]
    assert truth["time"][-1] < moment("2026-11-20T10:17:00")
    with pytest.raises(InputError):
        exchange.candles("KRW-DOG", "1m", 0, 1)
    with pytest.raises(InputError):
        exchange.candles("KRW-DOGE", "2m", 0, 1)


def test_a_recorded_market_is_served_digit_for_digit(shared):
    path = shared / "realdata" / "azuremooni_krw" / "DOGE_KRW_1m.csv"
    rows = [line.split(",") for line in path.read_text().splitlines()[-200:]][::-1]
    with Sandbox({"KRW-DOGE:1m": path}) as exchange:
        assert exchange.now() >= moment("2025-10-04T01:18:00")
        reply = httpx.get(f"{exchange.endpoint}/v1/candles/minutes/1?market=KRW-DOGE&count=200")
    served = json.loads(reply.text, parse_float=str)
    assert [row["candle_date_time_utc"].replace("T", " ") for row in served] == [
        row[0] for row in rows
    ]
    for field, column in (
        ("opening_price", 1),
        ("high_price", 2),
        ("low_price", 3),
        ("trade_price", 4),
        ("candle_acc_trade_volume", 5),
    ):
        assert [row[field].rstrip("0").rstrip(".") for row in served] == [
            row[column].rstrip("0").rstrip(".") for row in rows
        ]


def test_paging_back_through_a_real_month_meets_every_candle_once(shared):
    path = shared / "realdata" / "azuremooni_krw" / "DOGE_KRW_1m.csv"
    to, times = "2025-10-01T00:00:00Z", []
    with (
        Sandbox({"KRW-DOGE:1m": path}, limit=(10_000, 1.0)) as exchange,
        httpx.Client(base_url=exchange.endpoint) as session,
    ):
        while rows := session.get(
            f"/v1/candles/minutes/1?market=KRW-DOGE&count=200&to={to}"
        ).json():
            times += [row["candle_date_time_utc"] for row in rows]
            to = f"{times[-1]}Z"
        assert exchange.stats()["groups"]["candles"]["requests"] == 216  # the last one is empty
    assert len(times) == len(set(times)) == 42_989
    assert times == sorted(times, reverse=True)


def test_a_taken_port_is_refused(exchange):
    port = int(exchange.endpoint.rpartition(":")[2])
    with pytest.raises(InputError, match="cannot be used"), Sandbox(port=port):
        pass


@pytest.mark.parametrize(
    "wrong",
    [
        {"speed": -1},
        {"latency_ms": -1},
        {"limit_window": "tumbling"},
        {"now": "soon"},
        {"faults": {"x": 1}},
    ],
)
def test_arguments_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError):
        Sandbox(**wrong)


def test_closing_leaves_no_thread_behind():
    with Sandbox(now=NOW):
        pass
    assert not any(
        thread.name == "marketkit-sandbox" and not thread.daemon for thread in threading.enumerate()
    )
