"""The seven rules on a stream of the sandbox that breaks, repeats itself and is late."""

from __future__ import annotations

import threading
import time

import polars as pl
import pytest

import marketkit as mk
from marketkit.examples import seven_rules
from marketkit.examples.seven_rules import Parameters, Strategy
from marketkit.schema import TIME
from marketkit.timeframe import MINUTE, parse_time
from tests.integration.conftest import NOW
from tests.waiting import PATIENCE, wait

SYMBOLS = ["KRW-BTC", "KRW-XRP"]
START = parse_time(NOW) // MINUTE * MINUTE
# The made-up prices move little: thresholds that they reach.
KEEN = Parameters(
    rsi_period=3,
    warm_up=10,
    oversold=60,
    add_step=0.0002,
    down_step=0.0002,
    profits=((0.0003, 0.5), (0.0006, 1.0)),
    trail_from=0.0002,
    trail=0.0001,
    crash=0.0015,
    surge=0.001,
    surge_hold=2,
)


def truth(exchange, start: int, end: int) -> pl.DataFrame:
    """The candles that are over, as the exchange has them."""
    own = [
        exchange.candles(symbol, "1m", start, end).with_columns(symbol=pl.lit(symbol))
        for symbol in SYMBOLS
    ]
    return pl.concat(own).with_columns(pl.col("time").cast(TIME))


def step(exchange, provider, live) -> None:
    """Let half a minute pass over there, once a broken link is whole and the clock is known."""
    wait(lambda: not live.interruptions["end"].null_count())
    exchange.advance(30)
    wait(lambda: knows_the_time(exchange, provider))
    time.sleep(0.01)


def knows_the_time(exchange, provider) -> bool:
    """Ask anything: answers tell the provider what time it is over there."""
    provider.get_candle("KRW-ETH", "1m", count=1, source="exchange")
    return exchange.now() - provider.exchange_time().timestamp() * 1000 < 2_000


def weather(exchange, provider, live) -> None:
    """Let forty minutes pass, in which the link breaks twice and candles come late."""
    strikes = {5: "late-candle", 10: "storm", 25: "late-candle", 40: "drop", 60: "duplicate-frame"}
    for at in range(80):
        if at in strikes:
            exchange.strike(strikes[at])
        step(exchange, provider, live)
    final = START + 38 * MINUTE
    wait(lambda: live.watermark.timestamp() * 1000 >= final or step(exchange, provider, live))
    assert live.interruptions.height >= 2


@pytest.mark.slow
def test_a_stream_with_faults_gives_the_signals_of_what_the_exchange_has(provider, exchange):
    strategy, news = Strategy(KEEN), []
    with provider.live(SYMBOLS, "1m", history="2h", show=False) as live:
        series = seven_rules.follow(live, strategy)
        news.append(next(series))
        assert news[0].height > 10
        consumer = threading.Thread(target=lambda: news.extend(series))
        consumer.start()
        weather(exchange, provider, live)
        final = int(live.watermark.timestamp() * 1000)
        expected = seven_rules.run(truth(exchange, START - 120 * MINUTE, final), KEEN)
        until = pl.col("time").cast(pl.Int64) < final
        wait(lambda: strategy.signals.filter(until).equals(expected))
    consumer.join(PATIENCE)
    assert not consumer.is_alive()
    assert expected.filter(pl.col("time").cast(pl.Int64) >= START).height > 5
    # What was told, less what was taken back, is what holds.
    told = pl.concat(news)
    gone = told.filter("withdrawn").drop("withdrawn")
    first = told.filter(~pl.col("withdrawn")).drop("withdrawn")
    assert first.height - gone.height == strategy.signals.height
    assert expected.join(first, on=first.columns, how="anti", nulls_equal=True).is_empty()


def test_a_frozen_set_and_its_lake_played_again_give_equal_signals(provider):
    span = {"start": "2026-11-17T23:00", "end": "2026-11-18T12:00"}
    provider.backfill(SYMBOLS, "1m", **span, show=False).wait()
    provider.lake().freeze("paper")
    candles = provider.get_candle(SYMBOLS, "1m", **span, as_of="paper", frame="pandas")
    backtest, strategy = seven_rules.run(candles, KEEN), Strategy(KEEN)
    past = {"replay": provider.lake(), "speed": 0, "start": "2026-11-18", "end": span["end"]}
    with provider.live(SYMBOLS, "1m", history="1h", frame="pandas", **past) as live:
        news = list(seven_rules.follow(live, strategy))
    assert {type(each) for each in news} == {type(candles)}
    assert len(backtest) > 50
    assert backtest.equals(strategy.signals.to_pandas().set_index(["symbol", "time"]))


def test_hours_are_refused_with_what_is_wanted(provider):
    hours = provider.get_candle("KRW-BTC", "1h", count=48)
    with pytest.raises(mk.InputError, match="candles of one minute"):
        seven_rules.run(hours)
