"""Requests are spelt as documented, and every refusal becomes its own error."""

from __future__ import annotations

import json

import httpx
import pytest

from marketkit.errors import (
    BadResponse,
    Banned,
    RateLimited,
    Refused,
    ServerFailed,
    UnknownSymbol,
)
from marketkit.exchange.dialect import Request, Response
from marketkit.exchange.upbit import rest
from marketkit.timeframe import TIMEFRAMES, parse_time

CANDLE = rest.candle_request("KRW-BTC", TIMEFRAMES["1m"], 0)
TICKER = rest.ticker_request(["KRW-BTC"])
TICKERS = rest.ticker_request(["KRW-BTC", "KRW-XYZ"])
TRADE = rest.trade_request("KRW-BTC")
BOOK = rest.orderbook_request(["KRW-BTC"], 30, 0)
MARKET = rest.market_request()
EVERY = [CANDLE, TICKER, TICKERS, TRADE, BOOK, MARKET]


@pytest.mark.parametrize(
    ("request_", "path", "params", "group"),
    [
        (MARKET, "/v1/market/all", [("is_details", "true")], "market"),
        (TICKERS, "/v1/ticker", [("markets", "KRW-BTC,KRW-XYZ")], "ticker"),
        (
            rest.ticker_all_request(["KRW", "BTC"]),
            "/v1/ticker/all",
            [("quote_currencies", "KRW,BTC")],
            "ticker",
        ),
        (
            rest.orderbook_request(["KRW-BTC", "BTC-XRP"], 15, 0),
            "/v1/orderbook",
            [("markets", "KRW-BTC,BTC-XRP"), ("count", "15")],
            "orderbook",
        ),
        (
            rest.instrument_request(["KRW-BTC"]),
            "/v1/orderbook/instruments",
            [("markets", "KRW-BTC")],
            "orderbook",
        ),
        (TRADE, "/v1/trades/ticks", [("market", "KRW-BTC"), ("count", "500")], "crix-trades"),
        (
            rest.trade_request("KRW-BTC", 7, days_ago=2, to="12:34:56"),
            "/v1/trades/ticks",
            [("market", "KRW-BTC"), ("count", "7"), ("to", "12:34:56"), ("days_ago", "2")],
            "crix-trades",
        ),
        (
            rest.trade_request("KRW-BTC", days_ago=7, cursor=17566849798710001),
            "/v1/trades/ticks",
            [("market", "KRW-BTC"), ("count", "500"), ("cursor", "17566849798710001"), ("days_ago", "7")],
            "crix-trades",
        ),
    ],
)  # fmt: skip
def test_a_request_has_the_documented_path_parameters_and_group(request_, path, params, group):
    assert request_ == Request(path, tuple(params), group)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("1s", "seconds"),
        ("1m", "minutes/1"),
        ("3m", "minutes/3"),
        ("5m", "minutes/5"),
        ("10m", "minutes/10"),
        ("15m", "minutes/15"),
        ("30m", "minutes/30"),
        ("1h", "minutes/60"),
        ("4h", "minutes/240"),
        ("1d", "days"),
        ("1w", "weeks"),
        ("1M", "months"),
        ("1y", "years"),
    ],
)
def test_each_width_of_candle_has_its_path(name, path):
    request = rest.candle_request("KRW-BTC", TIMEFRAMES[name], parse_time("2025-09-01"))
    assert request.path == f"/v1/candles/{path}"
    assert request.group == "candles"
    assert request.params == (
        ("market", "KRW-BTC"),
        ("to", "2025-09-01T00:00:00Z"),
        ("count", "200"),
    )


@pytest.mark.parametrize(
    ("time", "spelt"),
    [
        ("2025-09-01T00:00:00.000Z", "2025-09-01T00:00:00Z"),
        ("2025-09-01T00:00:00.001Z", "2025-09-01T00:00:01Z"),
        ("2025-09-01T00:00:00.999Z", "2025-09-01T00:00:01Z"),
        ("2025-08-31T23:59:59.500Z", "2025-09-01T00:00:00Z"),
        ("1969-12-31T23:59:59.500Z", "1970-01-01T00:00:00Z"),
    ],
)
def test_the_bound_is_rounded_up_to_whole_seconds_of_utc(time, spelt):
    request = rest.candle_request("KRW-BTC", TIMEFRAMES["1s"], parse_time(time), count=5)
    assert dict(request.params) == {"market": "KRW-BTC", "to": spelt, "count": "5"}


@pytest.mark.parametrize(
    ("level", "spelt"),
    [
        (10_000, "10000"),
        (1_000_000, "1000000"),
        (10_000_000.0, "10000000"),
        (100_000_000, "100000000"),
        (0.1, "0.1"),
        (0.0001, "0.0001"),
    ],
)
def test_a_level_is_spelt_as_the_exchange_lists_it(level, spelt):
    params = dict(rest.orderbook_request(["KRW-BTC"], 30, level).params)
    assert params == {"markets": "KRW-BTC", "count": "30", "level": spelt}


def url(request):
    """Spell the URL of a request as it is sent."""
    return str(httpx.URL("https://api.upbit.com" + request.path, params=request.params))


MANY = [f"KRW-{'A' * (at % 9 + 1)}{at}" for at in range(900)]
ODD = [f"USDT-币安人生{at}" for at in range(200)]


@pytest.mark.parametrize("symbols", [MANY, ODD, MANY + ODD, MANY[:1], []])
def test_batches_keep_all_symbols_in_order_and_each_fits_a_url_as_it_is_sent(symbols):
    batches = list(rest.batches(symbols))
    assert [symbol for batch in batches for symbol in batch] == symbols
    assert all(batches)
    urls = [url(rest.orderbook_request(batch, 30, 100_000_000)) for batch in batches]
    assert max(map(len, urls), default=0) <= 4_000
    # As few as can be, but for what is left for the rest of the URL.
    assert all(len(each) > 3_600 for each in urls[:-1])


def test_the_markets_of_the_greatest_quote_currency_fit_one_request():
    assert len(list(rest.batches([f"KRW-{'A' * 4}"] * 289))) == 1


@pytest.mark.parametrize(
    ("symbols", "quotes"),
    [
        (["KRW-A", "KRW-B", "BTC-A"], ["KRW"]),
        (["KRW-A", "BTC-A", "BTC-B"], ["BTC"]),
        (["KRW-A"], []),
        (["USDT-A"], []),  # one symbol is asked for by name, though it is all there is
        ([f"BIG-{at}" for at in range(30)], ["BIG"]),
        ([f"BIG-{at}" for at in range(29)], []),
    ],
)
def test_a_quote_currency_is_asked_for_as_a_whole_where_all_or_most_of_it_is_wanted(
    symbols, quotes
):
    listed = ["KRW-A", "KRW-B", "BTC-A", "BTC-B", "USDT-A", *(f"BIG-{at}" for at in range(60))]
    found, whole, others = rest.by_whole_quotes(symbols, listed)
    assert found == quotes
    assert sorted(whole + others) == sorted(symbols)
    assert {each.partition("-")[0] for each in whole} == set(quotes)


@pytest.mark.parametrize(("more", "quotes"), [(19, ["USDT"]), (20, ["KRW", "USDT"])])
def test_many_others_come_with_a_quote_that_is_asked_for_as_a_whole(more, quotes):
    whole = [f"USDT-X{number}" for number in range(30)]
    others = [f"KRW-X{number}" for number in range(100)]
    found, _, rest_of = rest.by_whole_quotes([*whole, *others[:more]], [*whole, *others])
    assert found == quotes
    assert len(rest_of) == (0 if "KRW" in quotes else more)


def test_without_a_list_nothing_is_asked_for_as_a_whole():
    assert rest.by_whole_quotes(MANY, [])[0] == []


def test_an_odd_code_is_not_asked_for_before_a_list_has_it():
    assert rest.guessed_ticker_request(["KRW-BTC", "KRW-BRK.B"]) is None
    assert rest.guessed_orderbook_request(["USDT-币安人生"], 15) is None


def test_one_symbol_longer_than_a_url_is_a_batch_of_its_own():
    long = "KRW-" + "A" * rest.URL_LENGTH
    assert list(rest.batches(["KRW-A", long, "KRW-B"])) == [["KRW-A"], [long], ["KRW-B"]]


def answer(status, body):
    return Response(status, {}, body.encode() if isinstance(body, str) else body, 0)


def error(name, message):
    """The envelope of section 4: on quotation routes the name is the status as a number."""
    return json.dumps({"error": {"name": name, "message": message}})


def bare(name, message):
    """The shape without an envelope, which some gateway may send."""
    return json.dumps({"name": name, "message": message})


@pytest.mark.parametrize("request_", EVERY)
@pytest.mark.parametrize("body", ["[]", '[{"market":"KRW-BTC"}]', " [\n{}] \n"])
def test_an_array_is_data(request_, body):
    rest.check(request_, answer(200, body))


@pytest.mark.parametrize("request_", EVERY)
@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("HTML", "<!DOCTYPE html><html><body>maintenance</body></html>"),
        ("nothing", ""),
        ("white space", " \n"),
        ("a cut array", '[{"market":"KRW-BTC","trade_pri'),
        ("an array cut at an object's end", '[{"market":"KRW-BTC"}'),
        ("an error object", error(404, "Code not found")),
        ("an object", '{"market":"KRW-BTC"}'),
        ("null", "null"),
        ("text", "OK"),
        ("no text", b"\xff\xfe\x00"),
    ],
)
def test_a_200_that_is_no_array_is_a_bad_response(request_, what, body):
    with pytest.raises(BadResponse, match=request_.path):
        rest.check(request_, answer(200, body))


def test_the_error_for_a_bad_body_shows_its_beginning_only():
    with pytest.raises(BadResponse) as caught:
        rest.check(CANDLE, answer(200, "<html>" + "x" * 10_000))
    assert "<html>" in str(caught.value)
    assert len(str(caught.value)) < 300
    with pytest.raises(BadResponse, match="an empty body"):
        rest.check(CANDLE, answer(200, ""))


REFUSALS = [
    (400, "Missing request parameter error. Check the required parameters!"),
    (400, "Type mismatch error. Check the parameters type!"),
    (400, "Invalid parameter. Check the given value!"),
    (400, "specified unit is not valid."),
    (401, "no"),
    (403, "no"),
    (409, "no"),
    (422, "no"),
]


@pytest.mark.parametrize("shape", [error, bare])
@pytest.mark.parametrize("request_", EVERY)
@pytest.mark.parametrize(("status", "message"), REFUSALS)
def test_a_4xx_is_a_refusal_in_the_words_of_the_exchange(request_, status, message, shape):
    with pytest.raises(Refused) as caught:
        rest.check(request_, answer(status, shape(status, message)))
    assert caught.value.status == status
    assert str(caught.value) == f"{request_.path} answered {status}: {message}"


@pytest.mark.parametrize("shape", [error, bare])
@pytest.mark.parametrize("request_", [CANDLE, TICKER, TRADE, BOOK])
def test_an_unknown_code_is_an_unknown_symbol_where_one_was_asked(request_, shape):
    with pytest.raises(UnknownSymbol) as caught:
        rest.check(request_, answer(404, shape(404, "Code not found")))
    assert caught.value.symbol == "KRW-BTC"


@pytest.mark.parametrize("request_", [TICKERS, MARKET, rest.ticker_all_request(["KRW", "XYZ"])])
def test_an_unknown_code_among_many_is_a_refusal_for_nobody_knows_which(request_):
    with pytest.raises(Refused, match="Code not found") as caught:
        rest.check(request_, answer(404, error(404, "Code not found")))
    assert caught.value.status == 404


@pytest.mark.parametrize("request_", EVERY)
def test_a_path_that_does_not_exist_is_no_unknown_symbol(request_):
    with pytest.raises(Refused, match="no Route matched") as caught:
        rest.check(request_, answer(404, error("not_found", "no Route matched with those values")))
    assert caught.value.status == 404


SOMETHING = [
    "Too many API requests.",
    error("too_many_requests", "slow down"),
    bare(429, "slow down"),
    "<html>blocked</html>",
    "",
    "[]",
    "null",
    '{"error":null}',
    '{"error":"text"}',
    '{"error":{}}',
    '"text"',
    b"\xff\xfe",
]


@pytest.mark.parametrize("request_", EVERY)
@pytest.mark.parametrize("body", SOMETHING)
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (429, RateLimited),
        (418, Banned),
        (500, ServerFailed),
        (502, ServerFailed),
        (503, ServerFailed),
        (400, Refused),
    ],
)
def test_the_status_decides_whatever_the_body_is(request_, body, status, expected):
    with pytest.raises(expected) as caught:
        rest.check(request_, answer(status, body))
    assert type(caught.value) is expected
    assert str(status) in str(caught.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("Too many API requests.", "'Too many API requests.'"),
        (error("too_many_requests", "slow down"), "slow down"),
        (bare(429, "slow down"), "slow down"),
        ("", "an empty body"),
        ("<html>blocked</html>", "'<html>blocked</html>'"),
    ],
)
def test_the_message_is_found_in_either_shape_or_shown_as_it_is(body, said):
    with pytest.raises(RateLimited) as caught:
        rest.check(CANDLE, answer(429, body))
    assert str(caught.value) == f"/v1/candles/minutes/1 answered 429: {said}"


@pytest.mark.parametrize("shape", [error, bare])
def test_a_message_commands_no_terminal_and_is_no_longer_than_a_line_or_two(shape):
    hostile = "a\x1b[2Jb\r\nc\u202ed" + "e" * 100_000
    with pytest.raises(RateLimited) as caught:
        rest.check(CANDLE, answer(429, shape(429, hostile)))
    assert r"429: a\x1b[2Jb\r\nc\u202ede" in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("status", [201, 204, 301, 304])
def test_an_answer_that_is_neither_data_nor_an_error_is_refused(status):
    with pytest.raises(Refused) as caught:
        rest.check(CANDLE, answer(status, "[]"))
    assert caught.value.status == status
