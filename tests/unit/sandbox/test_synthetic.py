"""Markets made from a seed."""

from __future__ import annotations

import pytest

from marketkit.sandbox.candle import merged
from marketkit.sandbox.control import moment
from marketkit.sandbox.synthetic import Synthetic, seeded
from marketkit.sandbox.ticks import tick_size
from marketkit.sandbox.widths import DAY, MINUTE, WIDTHS

NOW = moment("2026-11-20T10:00:00")
ONE_MINUTE, ONE_DAY = WIDTHS["1m"], WIDTHS["1d"]
MARKETS = seeded(1)
SAMPLE = [
    "KRW-BTC",
    "KRW-DOGE",
    "KRW-USDT",
    "KRW-SHIB",
    "KRW-MK150",
    "BTC-ETH",
    "BTC-MK100",
    "USDT-XRP",
]


def test_the_default_exchange_is_as_large_as_the_real_one():
    quotes = [symbol.partition("-")[0] for symbol in MARKETS]
    assert (len(MARKETS), quotes.count("KRW"), quotes.count("BTC"), quotes.count("USDT")) == (
        855,
        289,
        328,
        238,
    )
    assert list(MARKETS) != sorted(MARKETS)


def test_the_same_seed_makes_the_same_candles_and_another_seed_others():
    def page(seed):
        return Synthetic("KRW-DOGE", seed, 4).page(ONE_MINUTE, NOW, 500)

    assert page(1) == page(1) != page(2)


@pytest.mark.parametrize("symbol", SAMPLE)
@pytest.mark.parametrize("day", ["2026-11-19", "2026-09-30", "2026-09-29"])
def test_the_minutes_of_a_day_add_up_to_the_day(symbol, day):
    start = moment(day)
    source = MARKETS[symbol]
    whole = source.page(ONE_DAY, start + 1, 1)[0]
    added = source.total(ONE_MINUTE, start, start + DAY)
    assert added[:5] == whole[:5]
    assert added.last == whole.last
    assert added.volume == pytest.approx(whole.volume, rel=1e-12)
    assert added.value == pytest.approx(whole.value, rel=1e-9)


@pytest.mark.parametrize("symbol", SAMPLE)
def test_every_minute_is_a_possible_candle(symbol):
    source, quote = MARKETS[symbol], symbol.partition("-")[0]
    for candle in source.page(ONE_MINUTE, NOW, 300):
        assert candle.low <= min(candle.open, candle.close)
        assert candle.high >= max(candle.open, candle.close)
        assert candle.volume > 0
        assert candle.time <= candle.last < candle.time + MINUTE
        for price in candle[1:5]:
            tick = tick_size(quote, price)
            assert price == tick.price(tick.steps(price))


@pytest.mark.parametrize("name", ["3m", "1h", "4h", "1d", "1w", "1M"])
def test_every_width_is_made_of_the_minutes(name):
    source, width = MARKETS["KRW-DOGE"], WIDTHS[name]
    page = source.page(width, NOW, 2)
    for candle in page:
        end = width.end(candle.time)
        minutes = [
            source.total(ONE_MINUTE, start, min(start + DAY, end))
            for start in range(candle.time, end, DAY)
        ]
        added = merged(candle.time, minutes)
        assert added[:5] == candle[:5]
        assert added.volume == pytest.approx(candle.volume, rel=1e-9)
        assert added.value == pytest.approx(candle.value, rel=1e-9)


def test_busy_markets_trade_every_minute_and_others_do_not():
    def traded(symbol):
        return MARKETS[symbol].page(ONE_MINUTE, moment("2026-11-19"), 5000)

    def share(symbol):
        page = traded(symbol)
        return len(page) * MINUTE / (moment("2026-11-19") - page[0].time)

    assert share("KRW-BTC") == share("KRW-ETH") == 1.0
    assert all(0.97 < share(symbol) < 0.995 for symbol in ("KRW-XRP", "KRW-SOL", "KRW-DOGE"))
    assert share("BTC-MK100") < 0.05


def test_nothing_is_known_before_a_listing():
    source = MARKETS["KRW-BTC"]
    assert source.listing == moment("2017-09-25T03:00:00")
    page = source.page(ONE_MINUTE, source.listing + 10 * MINUTE, 200)
    assert [candle.time for candle in page] == [source.listing + n * MINUTE for n in range(10)]
    assert source.page(ONE_MINUTE, source.listing, 200) == []
    assert source.page(ONE_DAY, source.listing, 5)[0].time == moment("2017-09-25")


def test_some_markets_are_listed_lately():
    lately = [source for source in MARKETS.values() if source.listing > moment("2025-10-01")]
    assert 20 < len(lately) < 200


def test_all_markets_are_silent_in_a_maintenance_window():
    start, end = moment("2026-09-30T18:00:00"), moment("2026-09-30T21:00:00")
    for symbol in SAMPLE:
        assert MARKETS[symbol].total(ONE_MINUTE, start, end) is None
    assert MARKETS["KRW-BTC"].at(ONE_MINUTE, end) is not None


def test_the_extremes_of_a_year_are_those_of_its_days():
    source = MARKETS["KRW-MK150"]
    found = source.extremes(moment("2025-11-20"), moment("2026-11-20"))
    days = [
        c for c in source.page(ONE_DAY, moment("2026-11-20"), 365) if c.time >= moment("2025-11-20")
    ]
    assert found.high == max(day.high for day in days)
    assert found.low == min(day.low for day in days)
    assert next(day for day in days if day.high == found.high).time == found.high_day
