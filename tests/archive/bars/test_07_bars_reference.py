"""Bars are those of a slow reference in pure Python, whatever the trades and their order."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from marketkit import schema
from marketkit.coverage import Span, Spans
from marketkit.data.bars.bars import bars_of
from marketkit.data.bars.kinds import AmountBars, TimeBars
from marketkit.data.bars.source import Trades
from marketkit.schema import BAR
from marketkit.timeframe import EVERY, parse_time
from tests.archive.slow_bars import Trade, by_amount, by_time, eighth, frame

START = parse_time("2026-11-19T23:59:00")
LENGTH = 120_000
PLACE = Decimal("0.00000001")

# Ten of them are one, although their floats add up to less.
TENTHS = [Trade(START, n, Decimal(1), Decimal("0.1"), bought=True) for n in range(1, 31)]

calm = settings(deadline=None, max_examples=50)
# Few milliseconds, so that many trades share one; volumes that floats cannot add exactly.
trades = st.lists(
    st.builds(
        Trade,
        st.integers(0, 12).map(lambda step: START + step * LENGTH // 12),
        st.integers(1, 10**17),
        st.sampled_from([Decimal(each) for each in ("0.00000004", "0.1", "0.3", "7", "139394000")]),
        st.one_of(
            st.sampled_from([Decimal("0.1"), Decimal("0.2"), PLACE, Decimal("123456789.12345678")]),
            st.integers(1, 10**10).map(lambda units: units * PLACE),
        ),
        st.booleans(),
    ),
    max_size=60,
    unique_by=lambda each: each.number,
)
spans = st.lists(
    st.tuples(st.integers(0, LENGTH), st.integers(0, LENGTH)).map(sorted), max_size=4
).map(lambda pairs: [(START + first, START + end) for first, end in pairs])


def fast(given_trades, kind, covered, *, exact=False):
    rows = frame(given_trades)
    source = Trades(rows.lazy(), {"KRW-BTC": Spans(covered)})
    bars = bars_of(source, ["KRW-BTC"], kind, Span(START, START + LENGTH), exact=exact)
    assert dict(bars.schema) == dict(schema.exact(BAR) if exact else BAR)
    assert set(bars["state"]) <= {"closed"}
    times = bars.with_columns(bars["time"].dt.epoch("ms"), bars["last"].dt.epoch("ms"))
    return times.drop("symbol", "state").rows()


def same(left, right):
    """Prices, times and counts are equal to the bit, sums to the last place or digit of a float."""
    assert [(*row[:5], *row[7:]) for row in left] == [(*row[:5], *row[7:]) for row in right]
    for one, other in zip(left, right, strict=True):
        assert one[5:7] == pytest.approx(other[5:7], rel=1e-14, abs=6e-9)


@calm
@given(trades, spans, st.sampled_from(["1s", "5m", "1m", "2h", "1d", "3d"]))
def test_bars_of_time_are_those_of_the_reference(given_trades, covered, name):
    (width,) = (each for each in EVERY if each.name == name)
    covered = [tuple(span) for span in Spans([*covered, (START, START + LENGTH // 2)])]
    whole = [(first, end) for first, end in covered]
    slow = by_time(given_trades, width.width, whole)
    same(fast(given_trades, TimeBars(width), covered), [row for row in slow if row[0] >= START])


@calm
@given(
    given_trades=trades,
    covered=spans,
    measure=st.sampled_from(["tick", "volume", "value"]),
    imbalance=st.booleans(),
    units=st.integers(1, 10**9),
)
@example(
    given_trades=TENTHS,
    covered=[(START, START + LENGTH)],
    measure="volume",
    imbalance=False,
    units=10**8,
)
def test_bars_of_an_amount_are_those_of_the_reference(
    given_trades, covered, measure, imbalance, units
):
    amount = {
        "tick": Decimal(1 + units % 7),
        "volume": units * PLACE,
        "value": units * PLACE * 3,
    }[measure]
    covered = [tuple(span) for span in Spans([*covered, (START + LENGTH // 3, START + LENGTH)])]
    kind = AmountBars(measure, amount, imbalance=imbalance)
    slow = by_amount(given_trades, measure, amount, covered, imbalance=imbalance)
    same(fast(given_trades, kind, covered), slow)


@calm
@given(trades, st.integers(1, 10**9))
@example(TENTHS, 10**8)
def test_decimals_are_those_of_the_reference_digit_for_digit(given_trades, units):
    everything = [(START, START + LENGTH)]
    minute = TimeBars(EVERY[1])
    slow = by_time(given_trades, minute.width.width, everything, number=eighth)
    assert fast(given_trades, minute, everything, exact=True) == slow[: LENGTH // 60_000]
    amount = AmountBars("value", units * PLACE * 3)
    slow = by_amount(given_trades, "value", amount.amount, everything, number=eighth)
    assert fast(given_trades, amount, everything, exact=True) == slow


@calm
@given(trades, st.randoms())
def test_the_order_of_the_rows_makes_no_difference(given_trades, random):
    mixed = list(given_trades)
    random.shuffle(mixed)
    everything = [(START, START + LENGTH)]
    for kind in (TimeBars(EVERY[1]), AmountBars("volume", Decimal("0.5"))):
        assert fast(mixed, kind, everything) == fast(given_trades, kind, everything)
