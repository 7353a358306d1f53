"""Requests of Upbit's REST quotation interface, and the meaning of refusals.

Paths, parameters and errors: Upbit reference, sections 3 and 4. The region sites speak the same
words.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import quote

from marketkit.errors import (
    BadResponse,
    Banned,
    MarketkitError,
    RateLimited,
    Refused,
    ServerFailed,
    UnknownSymbol,
    plain,
)
from marketkit.exchange.dialect import Request, Response
from marketkit.symbols import is_glob, is_native
from marketkit.timeframe import Timeframe

PAGE = 200  # candles a request; more is silently clamped
TRADE_PAGE = 500  # trades a request; Upbit reference, section 3.3
DEPTH = 30  # order book units a request
TRADE_DAYS = 7  # days before today that the exchange tells of; the same
URL_LENGTH = 4_000  # characters of a URL as sent; servers take 8,192, some proxies half of that
_AROUND = 300  # of these, for everything but the list of symbols
_MANY = 20  # symbols from which on a whole quote currency costs no more than half of it by names
QUOTES = ("BTC", "KRW", "USDT")  # Korea's; who guesses them elsewhere has to look what is missing

_MESSAGE = 200  # letters of the exchange's own words that fit into an error
_COMMA = "%2C"
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


def by_whole_quotes(
    symbols: Sequence[str], listed: Iterable[str]
) -> tuple[list[str], list[str], list[str]]:
    """Find quote currencies whose tickers are best asked for as a whole: no code can spoil that.

    They are those of which all `listed` markets are wanted, or many and at least half, and then the
    others that are `_MANY` together, too: rows cost less than a request. Gives them, the symbols
    that they answer for, and the other symbols.
    """
    wanted, there = Counter(map(_quote, symbols)), Counter(map(_quote, listed))
    quotes = {each for each, many in wanted.items() if _is_whole(many, there[each])}
    if quotes and sum(many for each, many in wanted.items() if each not in quotes) >= _MANY:
        quotes = set(wanted)
    whole = [symbol for symbol in symbols if _quote(symbol) in quotes]
    return sorted(quotes), whole, [symbol for symbol in symbols if _quote(symbol) not in quotes]


def _is_whole(wanted: int, there: int) -> bool:
    return 1 < wanted == there or (wanted >= _MANY and 2 * wanted >= there > 0)


def guessed_ticker_request(wanted: Sequence[str]) -> Request | None:
    """Ask for symbols or globs of whole quote currencies before the listed ones are known.

    None where that takes more than one request, or the market list: of an odd code nobody knows
    yet whether there is such a market.

    >>> guessed_ticker_request(["KRW-*"]).params
    (('quote_currencies', 'KRW'),)
    """
    if not any(is_glob(each) for each in wanted):
        return ticker_request(wanted) if _is_one_request(wanted) else None
    quotes: set[str] = set()
    for each in wanted:
        priced_in, _, base = each.partition("-")
        if each != "*" and (base != "*" or is_glob(priced_in)):
            return None
        quotes.update(QUOTES if each == "*" else [priced_in])
    return ticker_all_request(sorted(quotes))


def guessed_orderbook_request(wanted: Sequence[str], depth: int) -> Request | None:
    """Ask for books of symbols before the listed ones are known, as `guessed_ticker_request`."""
    return orderbook_request(wanted, depth, 0) if _is_one_request(wanted) else None


def _is_one_request(wanted: Sequence[str]) -> bool:
    return all(map(is_native, wanted)) and len(list(batches(wanted))) == 1


def _quote(symbol: str) -> str:
    return symbol.partition("-")[0]


def batches(symbols: Sequence[str]) -> Iterator[list[str]]:
    """Cut a list of symbols into as few as a URL can hold, in the spelling of the wire."""
    batch: list[str] = []
    length = 0
    for symbol in symbols:
        size = len(quote(symbol, safe="")) + len(_COMMA)
        if batch and length + size > URL_LENGTH - _AROUND:
            yield batch
            batch, length = [], 0
        batch.append(symbol)
        length += size
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
        return plain(str(said["message"]), _MESSAGE)
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return _glimpse(body)


def _glimpse(body: bytes) -> str:
    return repr(body[:80].decode("utf-8", "replace")) if body else "an empty body"
