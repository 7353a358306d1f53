"""The requests of a contract check, and the tests of each answer. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from marketkit.errors import MarketkitError
from marketkit.exchange.dialect import Request
from marketkit.exchange.upbit import bodies, contract, rest
from marketkit.exchange.upbit.contract import Difference, Row, Shape
from marketkit.symbols import is_native
from marketkit.timeframe import HOUR, MINUTE, Timeframe

_CANDLES = 10  # rows of a request: enough to see an order, and years are few
_TRADES = 50  # as many as one glance at a busy market needs
_FAST = MINUTE  # ms that clocks and answers may be apart before a time is one of the future
_CRYPTO = ("BTC", "USDT")  # quote currencies of every site; the other one is its own money

Check = Callable[[Sequence[Row]], Iterator[Difference]]


@dataclass(frozen=True, slots=True)
class Probe:
    """One request: the shape of the rows, our own decoder, and further tests of an answer."""

    name: str
    request: Request
    shape: Shape
    decode: Callable[[bytes], pl.DataFrame]
    check: Check


def differences(probe: Probe, body: bytes, rows: Sequence[Row]) -> Iterator[Difference]:
    """Compare the rows of an answer, and have our own decoder read the body."""
    if not rows:
        yield Difference("bad", "not a single row came")
        return
    told = [*contract.compare(rows, probe.shape), *probe.check(rows)]
    yield from told
    try:
        probe.decode(body)
    except MarketkitError as refused:
        if all(each.severity == "note" for each in told):
            yield Difference("bad", str(refused).partition("\n")[0])


def chosen(listed: Sequence[str]) -> list[str]:
    """Choose markets to ask for: Bitcoin in the site's own money first, one of each currency."""
    native = [code for code in listed if is_native(code)]
    quotes = sorted({code.partition("-")[0] for code in native})
    quotes.sort(key=lambda each: each in _CRYPTO)
    found = []
    for quote in quotes:
        of_quote = [code for code in native if code.startswith(f"{quote}-")]
        wanted = f"{quote}-{'ETH' if quote == 'BTC' else 'BTC'}"
        found.append(wanted if wanted in of_quote else of_quote[0])
    return found


def markets() -> Probe:
    """Ask for the market list."""

    def check(rows: Sequence[Row]) -> Iterator[Difference]:
        codes = [str(row.get("market")) for row in rows]
        if odd := [code for code in codes if not is_native(code)]:
            yield Difference("note", f"{len(odd)} odd codes are listed, as {odd[0]!r}")
        if len(set(codes)) < len(codes):
            yield Difference("look", f"{len(codes) - len(set(codes))} markets are listed twice")

    request = rest.market_request()
    return Probe("markets", request, contract.MARKETS, bodies.decode_markets, check)


def all_tickers(listed: Sequence[str]) -> Probe:
    """Ask for the tickers of all quote currencies, and compare their markets with the list."""
    quotes = sorted({code.partition("-")[0] for code in listed if is_native(code)})

    def check(rows: Sequence[Row]) -> Iterator[Difference]:
        came = {str(row.get("market")) for row in rows}
        if unlisted := sorted(came - set(listed)):
            yield Difference("look", f"{len(unlisted)} markets are not listed, as {unlisted[0]}")
        if missing := sorted(set(listed) - came):
            # One that is listed and not open yet has none: nothing is wrong with that.
            yield Difference("note", f"{len(missing)} listed markets have none, as {missing[0]}")

    request = rest.ticker_all_request(quotes)
    return Probe("all tickers", request, contract.TICKERS, bodies.decode_tickers, check)


def tickers(symbols: Sequence[str]) -> Probe:
    """Ask for tickers by their symbols."""
    request = rest.ticker_request(symbols)
    return Probe("tickers", request, contract.TICKERS, bodies.decode_tickers, _about(symbols))


def books(symbols: Sequence[str]) -> Probe:
    """Ask for whole order books."""

    def check(rows: Sequence[Row]) -> Iterator[Difference]:
        yield from contract.strangers(rows, "market", symbols)
        yield from contract.hollow(rows, "orderbook_units")

    request = rest.orderbook_request(symbols, rest.DEPTH, 0)
    return Probe("order books", request, contract.BOOKS, bodies.decode_orderbooks, check)


def levels(symbols: Sequence[str]) -> Probe:
    """Ask for tick sizes and the levels that books can be grouped by."""
    request = rest.instrument_request(symbols)
    return Probe("levels", request, contract.LEVELS, bodies.decode_instruments, _about(symbols))


def trades(symbol: str, now: int) -> Probe:
    """Ask for the newest trades; `now` is the exchange's time, in ms UTC."""

    def check(rows: Sequence[Row]) -> Iterator[Difference]:
        yield from contract.strangers(rows, "market", [symbol])
        keys = [(row.get("timestamp"), row.get("sequential_id")) for row in rows]
        whole = all(isinstance(each, int) for key in keys for each in key)
        yield from contract.disordered(keys) if whole else ()
        late = [key[0] for key in keys if isinstance(key[0], int) and key[0] > now + _FAST]
        if late:
            yield Difference("bad", f"{len(late)} trades are of the future")

    request = rest.trade_request(symbol, _TRADES)
    return Probe("trades", request, contract.TRADES, bodies.decode_trades, check)


def candles(symbol: str, timeframe: Timeframe, shape: Shape, to: int) -> Probe:
    """Ask for the candles of one width before a moment, in ms UTC."""

    def check(rows: Sequence[Row]) -> Iterator[Difference]:
        yield from contract.strangers(rows, "market", [symbol])
        starts = [opened(row.get("candle_date_time_utc")) for row in rows]
        yield from _slots(starts, timeframe, to)
        shifted = [opened(row.get("candle_date_time_kst", "")) for row in rows]
        there = [(utc, kst) for utc, kst in zip(starts, shifted, strict=True) if utc and kst]
        if any(kst - utc != 9 * HOUR for utc, kst in there):
            yield Difference("look", "candle_date_time_kst is not nine hours later")

    def decode(body: bytes) -> pl.DataFrame:
        return bodies.decode_candles(body, symbol)

    request = rest.candle_request(symbol, timeframe, to, _CANDLES)
    return Probe(f"candles {timeframe}", request, shape, decode, check)


def _slots(starts: Sequence[int | None], timeframe: Timeframe, to: int) -> Iterator[Difference]:
    read = [start for start in starts if start is not None]
    if len(read) < len(starts):
        yield Difference("bad", f"{len(starts) - len(read)} starts of candles are no times")
    if any(timeframe.floor(start) != start for start in read):
        yield Difference("bad", f"candles start beside the slots of {timeframe}")
    if late := sum(start >= -(-to // 1000) * 1000 for start in read):
        yield Difference("bad", f"{late} candles start at or after the time asked for")
    if len(starts) > _CANDLES:
        yield Difference("look", f"{len(starts)} candles came, {_CANDLES} were asked for")
    yield from contract.disordered(read)


def _about(symbols: Sequence[str]) -> Check:
    return lambda rows: contract.strangers(rows, "market", symbols)


def opened(text: object) -> int | None:
    """Read the start of a candle, in ms UTC; None where there is no time."""
    try:
        return int(datetime.fromisoformat(f"{text}+00:00").timestamp()) * 1000
    except (ValueError, OverflowError):
        return None
