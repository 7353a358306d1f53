"""The highest and the lowest day, many markets at once."""

from __future__ import annotations

import pytest

from marketkit.sandbox.draws import key_of, mix
from marketkit.sandbox.extremes import Span, extremes
from marketkit.sandbox.noise import PriceNoise
from marketkit.sandbox.widths import DAY

STOP = 20_777


def market(symbol, price, wildness=1.0):
    return PriceNoise(key_of(symbol, 1), symbol.partition("-")[0], price, wildness)


SPANS = [
    Span(market("KRW-BTC", 150e6), STOP - 364, STOP),
    Span(market("BTC-ETH", 0.034), STOP - 364, STOP),
    Span(market("KRW-SHIB", 0.0165, 1.3), STOP - 40, STOP),
    Span(market("BTC-PEPE", 1e-10), STOP - 364, STOP),
    Span(market("USDT-XRP", 2.4), STOP - 1, STOP),
    Span(market("KRW-USDT", 1_420.0, 0.03), STOP - 300, STOP - 5),
]


def one_by_one(span):
    """Look at every day as a candle would."""
    days = [
        (day, span.market.day(day, mix(span.market.key, day)))
        for day in range(span.first, span.stop)
    ]
    highest = max(days, key=lambda each: each[1].tick.price(each[1].high))
    lowest = min(days, key=lambda each: each[1].tick.price(each[1].low))
    return (
        highest[1].tick.price(highest[1].high),
        highest[0] * DAY,
        lowest[1].tick.price(lowest[1].low),
        lowest[0] * DAY,
    )


def test_many_markets_at_once_are_what_their_days_say_to_the_last_digit():
    assert [tuple(found) for found in extremes(SPANS)] == [one_by_one(span) for span in SPANS]


@pytest.mark.parametrize("span", SPANS)
def test_a_market_alone_has_the_same_extremes_as_among_others(span):
    assert extremes([span])[0] == extremes(SPANS)[SPANS.index(span)]


def test_of_equal_prices_the_first_day_counts():
    flat = extremes([SPANS[3]])[0]
    assert flat.high == flat.low == 1e-8
    assert flat.high_day == flat.low_day == SPANS[3].first * DAY
