"""Requests of Upbit's REST quotation interface, and the meaning of refusals.

Paths, parameters and errors: Upbit reference, sections 3 and 4. The region sites speak the same
words.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from marketkit.errors import (
    BadResponse,
    Banned,
    MarketkitError,
    RateLimited,
    Refused,
    ServerFailed,
    UnknownSymbol,
)
from marketkit.exchange.dialect import Request, Response
from marketkit.symbols import is_glob
from marketkit.timeframe import Timeframe

PAGE = 200  # candles a request; more is silently clamped
TRADE_PAGE = 500  # trades a request; Upbit reference, section 3.3
DEPTH = 30  # order book units a request
TRADE_DAYS = 7  # days before today that the exchange tells of; the same
URL_LENGTH = 10_000  # characters of a symbol list; all 855 pairs in one request were seen to work
QUOTES = ("BTC", "KRW", "USDT")  # Korea's; who guesses them elsewhere has to look what is missing

_CANDLE_PATHS = {
    "1s": "/v1/candles/seconds",
    "1h": "/v1/candles/minutes/60",
    "4h": "/v1/candles/minutes/240",
    "1d": "/v1/candles/days",
    "1w": "/v1/candles/weeks",
    "1M": "/v1/candles/months",
    "1y": "/v1/candles/years",
}


def market_request() -> Request:
    """Ask for every listed market with warnings."""
    return Request("/v1/market/all", (("is_details", "true"),), "market")


def time_request() -> Request:
    """Ask for a market of every region, to hear the time: no path gives only that (see 0003)."""
    return Request("/v1/market/all", (), "market")


def ticker_request(symbols: Iterable[str]) -> Request:
    """Ask for the tickers of `symbols`; one unknown code fails the whole request with 404."""
    return Request("/v1/ticker", (("markets", ",".join(symbols)),), "ticker")


def ticker_all_request(quotes: Iterable[str]) -> Request:
    """Ask for the tickers of every market of these quote currencies."""
    return Request("/v1/ticker/all", (("quote_currencies", ",".join(quotes)),), "ticker")


def orderbook_request(symbols: Iterable[str], depth: int, level: float) -> Request:
    """Ask for `depth` units of order books, grouped by `level` (KRW pairs only)."""
    params = [("markets", ",".join(symbols)), ("count", str(depth))]
    if level:
        params.append(("level", f"{Decimal(str(level)).normalize():f}"))
    return Request("/v1/orderbook", tuple(params), "orderbook")


def instrument_request(symbols: Iterable[str]) -> Request:
    """Ask for tick sizes and supported levels."""
    return Request("/v1/orderbook/instruments", (("markets", ",".join(symbols)),), "orderbook")


def trade_request(
    symbol: str,
    count: int = TRADE_PAGE,
    *,
    days_ago: int = 0,
    to: str | None = None,
    cursor: int | None = None,
) -> Request:
    """Ask for a page of trades of one UTC day, newest first; a page never crosses the day.

    `to` is a UTC time of day (`HH:MM:SS`, exclusive), `cursor` the `sequential_id` to go on below.
    """
    params = [("market", symbol), ("count", str(count))]
    if to is not None:
        params.append(("to", to))
    if cursor is not None:
        params.append(("cursor", str(cursor)))
    if days_ago:
        params.append(("days_ago", str(days_ago)))
    return Request("/v1/trades/ticks", tuple(params), "crix-trades")


def candle_request(symbol: str, timeframe: Timeframe, to: int, count: int = PAGE) -> Request:
    """Ask for the `count` candles that start before `to` (milliseconds UTC)."""
    path = _CANDLE_PATHS.get(timeframe.name, f"/v1/candles/minutes/{timeframe.name.rstrip('m')}")
    # Whole seconds are all the exchange reads, and slots start on them: rounding up loses nothing.
    before = datetime.fromtimestamp(-(-to // 1000), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    params = (("market", symbol), ("to", before), ("count", str(count)))
    return Request(path, params, "candles")


def ticker_requests(
    symbols: Sequence[str], listed: Collection[str]
) -> Iterator[tuple[Request, Sequence[str]]]:
    """Ask for the tickers of `symbols` in as few requests as can be, each with the symbols meant.

    Where one URL cannot hold them, quote currencies of which all `listed` markets are wanted are
    asked for as a whole.
    """
    if sum(1 for _ in batches(symbols)) > 1:
        wanted = set(symbols)
        partly = {_quote(symbol) for symbol in listed if symbol not in wanted}
        whole = [symbol for symbol in symbols if _quote(symbol) not in partly]
        if whole:
            yield ticker_all_request(sorted({_quote(symbol) for symbol in whole})), whole
            symbols = [symbol for symbol in symbols if _quote(symbol) in partly]
    for batch in batches(symbols):
        yield ticker_request(batch), batch


def guessed_ticker_request(wanted: Sequence[str]) -> Request | None:
    """Ask for symbols or globs of whole quote currencies before the listed ones are known.

    None where that takes more than one request, or the market list.

    >>> guessed_ticker_request(["KRW-*"]).params
    (('quote_currencies', 'KRW'),)
    """
    if not any(is_glob(each) for each in wanted):
        return ticker_request(wanted) if len(list(batches(wanted))) == 1 else None
    quotes: set[str] = set()
    for each in wanted:
        quote, _, base = each.partition("-")
        if each != "*" and (base != "*" or is_glob(quote)):
            return None
        quotes.update(QUOTES if each == "*" else [quote])
    return ticker_all_request(sorted(quotes))


def guessed_orderbook_request(wanted: Sequence[str], depth: int) -> Request | None:
    """Ask for books of symbols before the listed ones are known, as `guessed_ticker_request`."""
    if any(is_glob(each) for each in wanted) or len(list(batches(wanted))) > 1:
        return None
    return orderbook_request(wanted, depth, 0)


def _quote(symbol: str) -> str:
    return symbol.partition("-")[0]


def batches(symbols: Sequence[str]) -> Iterator[list[str]]:
    """Cut a list of symbols into as few as a URL can hold."""
    batch: list[str] = []
    length = 0
    for symbol in symbols:
        if batch and length + len(symbol) + 1 > URL_LENGTH:
            yield batch
            batch, length = [], 0
        batch.append(symbol)
        length += len(symbol) + 1
    if batch:
        yield batch


def check(request: Request, response: Response) -> None:
    """Raise the error of a response that is not data; the status decides before the body.

    A 200 must also look like a whole JSON array: a maintenance page or a cut body must not reach a
    parser that would make rows of nulls of it.
    """
    if response.status == 200:
        body = response.body.strip()
        if not (body.startswith(b"[") and body.endswith(b"]")):
            raise BadResponse(
                f"{request.path} answered 200 with {_glimpse(body)}, not a JSON array"
            )
        return
    raise _refusal(request, response)


def _refusal(request: Request, response: Response) -> MarketkitError:
    status, said = response.status, _message(response.body)
    where = f"{request.path} answered {status}: {said}"
    if status == 429:
        return RateLimited(where)
    if status == 418:
        return Banned(where)
    if status >= 500:
        return ServerFailed(where)
    params = dict(request.params)
    asked = params.get("market") or params.get("markets") or ","
    # The gateway answers 404 too, for a path that is not there: then the endpoint is wrong.
    if status == 404 and "," not in asked and b"no Route" not in response.body:
        return UnknownSymbol(asked)
    return Refused(where, status)


def _message(body: bytes) -> str:
    """Find the exchange's own words; two shapes wrap the words, or there is plain text."""
    try:
        said = json.loads(body)
        said = said.get("error", said)
        return str(said["message"])
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return _glimpse(body)


def _glimpse(body: bytes) -> str:
    return repr(body[:80].decode("utf-8", "replace")) if body else "an empty body"
