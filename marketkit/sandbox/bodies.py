"""The JSON rows of every endpoint, in the wire's field order and spelling."""

from __future__ import annotations

from marketkit.sandbox.books import Book, Slot
from marketkit.sandbox.candle import Candle
from marketkit.sandbox.draws import mix
from marketkit.sandbox.names import coin_names
from marketkit.sandbox.spelling import KST, Spelling, clock, day, fixed, iso, plain, price
from marketkit.sandbox.tickers import Ticker
from marketkit.sandbox.ticks import Tick
from marketkit.sandbox.trades import Trade
from marketkit.sandbox.widths import HOUR, SECOND, Width

_CAUTIONS = (
    "PRICE_FLUCTUATIONS",
    "TRADING_VOLUME_SOARING",
    "DEPOSIT_AMOUNT_SOARING",
    "GLOBAL_PRICE_DIFFERENCES",
    "CONCENTRATION_OF_SMALL_ACCOUNTS",
)


def candle_row(symbol: str, candle: Candle, width: Width) -> str:
    """Return one candle of any width but days."""
    row = _candle_fields(symbol, candle)
    if width.ms == SECOND:
        return f"{{{row}}}"
    if width.ms <= 4 * HOUR:
        return f'{{{row},"unit":{width.ms // 60_000}}}'
    return f'{{{row},"first_day_of_period":"{day(candle.time)}"}}'


def day_row(symbol: str, candle: Candle, previous: float, converted: str | None) -> str:
    """Return one day candle; `converted` is the text of converted_trade_price, None without one."""
    change = candle.close - previous
    more = "" if converted is None else f',"converted_trade_price":{converted}'
    return (
        f"{{{_candle_fields(symbol, candle)}"
        f',"prev_closing_price":{fixed(previous)},"change_price":{fixed(round(change, 8))}'
        f',"change_rate":{change / previous:.10f}{more}}}'
    )


def _candle_fields(symbol: str, candle: Candle) -> str:
    return (
        f'"market":"{symbol}","candle_date_time_utc":"{iso(candle.time)}"'
        f',"candle_date_time_kst":"{iso(candle.time + KST)}"'
        f',"opening_price":{price(candle.open)},"high_price":{price(candle.high)}'
        f',"low_price":{price(candle.low)},"trade_price":{price(candle.close)}'
        f',"timestamp":{candle.last},"candle_acc_trade_price":{fixed(candle.value)}'
        f',"candle_acc_trade_volume":{fixed(candle.volume)}'
    )


def trade_row(symbol: str, trade: Trade, previous: float) -> str:
    """Return one trade; `previous` is the close of the day before."""
    return (
        f'{{"market":"{symbol}","trade_date_utc":"{day(trade.time)}"'
        f',"trade_time_utc":"{clock(trade.time)}","timestamp":{trade.time}'
        f',"trade_price":{fixed(trade.price)},"trade_volume":{fixed(trade.volume)}'
        f',"prev_closing_price":{fixed(previous)}'
        f',"change_price":{fixed(round(trade.price - previous, 8))}'
        f',"ask_bid":"{trade.side}","sequential_id":{trade.sequential_id}}}'
    )


def market_row(
    symbol: str, key: int, *, details: bool, warned: bool = False, former: str | None = None
) -> str:
    """Return one row of the market list; 1 in 48 has a warning unasked, 1 in 4 some caution.

    The English name tells of the `former` code, as in "POL (ex-MATIC)".
    """
    korean, english = coin_names(symbol.partition("-")[2])
    if former:
        english += f" (ex-{former.partition('-')[2]})"
    row = f'"market":"{symbol}","korean_name":"{korean}","english_name":"{english}"'
    if not details:
        return f"{{{row}}}"
    caution = ",".join(
        f'"{name}":{"true" if mix(key, number) % 18 == 0 else "false"}'
        for number, name in enumerate(_CAUTIONS)
    )
    warning = "true" if warned or mix(key, 99) % 48 == 0 else "false"
    return f'{{{row},"market_event":{{"warning":{warning},"caution":{{{caution}}}}}}}'


def ticker_row(symbol: str, ticker: Ticker, spelling: Spelling) -> str:
    """Return one ticker; the four changes of an unchanged price are a bare 0 on the wire."""
    trade = ticker.trade
    kst = trade.time + KST
    change = trade.price - ticker.previous
    kind = "RISE" if change > 0 else "FALL" if change < 0 else "EVEN"
    rate = change / ticker.previous
    even = "0" if spelling == "wire" else "0.0"
    return (
        f'{{"market":"{symbol}","trade_date":"{_digits(day(trade.time))}"'
        f',"trade_time":"{_digits(clock(trade.time))}","trade_date_kst":"{_digits(day(kst))}"'
        f',"trade_time_kst":"{_digits(clock(kst))}","trade_timestamp":{trade.time}'
        f',"opening_price":{fixed(ticker.opening)},"high_price":{fixed(ticker.high)}'
        f',"low_price":{fixed(ticker.low)},"trade_price":{fixed(trade.price)}'
        f',"prev_closing_price":{fixed(ticker.previous)},"change":"{kind}"'
        f',"change_price":{fixed(round(abs(change), 8)) if change else even}'
        f',"change_rate":{f"{abs(rate):.10f}" if change else even}'
        f',"signed_change_price":{fixed(round(change, 8)) if change else even}'
        f',"signed_change_rate":{f"{rate:.10f}" if change else even}'
        f',"trade_volume":{fixed(trade.volume)},"acc_trade_price":{fixed(ticker.value, 16)}'
        f',"acc_trade_price_24h":{fixed(ticker.value_24h)}'
        f',"acc_trade_volume":{fixed(ticker.volume)}'
        f',"acc_trade_volume_24h":{fixed(ticker.volume_24h)}'
        f',"highest_52_week_price":{fixed(ticker.highest[0])}'
        f',"highest_52_week_date":"{day(ticker.highest[1])}"'
        f',"lowest_52_week_price":{fixed(ticker.lowest[0])}'
        f',"lowest_52_week_date":"{day(ticker.lowest[1])}","timestamp":{ticker.time}}}'
    )


def _digits(text: str) -> str:
    return text.replace("-", "").replace(":", "")


def book_row(symbol: str, book: Book, level: float, count: int, spelling: Spelling) -> str:
    """Return one order book; whole prices have no fraction on the wire."""
    spell = plain if spelling == "wire" else _plain_with_fraction
    asks, bids = book.asks[:count], book.bids[:count]
    units = ",".join(
        f'{{"bid_price":{spell(bid[0])},"bid_size":{fixed(bid[1])}'
        f',"ask_price":{spell(ask[0])},"ask_size":{fixed(ask[1])}}}'
        for bid, ask in zip(bids, asks, strict=True)
    )
    return (
        f'{{"market":"{symbol}","timestamp":{book.time}'
        f',"total_ask_size":{_total(book.asks)},"total_bid_size":{_total(book.bids)}'
        f',"orderbook_units":[{units}],"level":{spell(level)}}}'
    )


def _total(side: list[Slot]) -> str:
    return fixed(round(sum(size for _, size in side), 8))


def _plain_with_fraction(number: float) -> str:
    text = plain(number)
    return text if "." in text else f"{text}.0"


def instrument_row(symbol: str, tick: Tick, levels: list[float]) -> str:
    """Return one row of orderbook/instruments: step and levels are texts."""
    spelled = ",".join(f'"{plain(level)}"' for level in levels)
    return (
        f'{{"market":"{symbol}","quote_currency":"{symbol.partition("-")[0]}"'
        f',"tick_size":"{plain(tick.price(1))}","supported_levels":[{spelled}]}}'
    )


def levels_row(symbol: str, levels: list[float]) -> str:
    """Return one row of the deprecated orderbook/supported_levels."""
    return f'{{"market":"{symbol}","supported_levels":[{",".join(map(plain, levels))}]}}'
