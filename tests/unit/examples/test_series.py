"""Signals of one symbol are a function of the final candles, however they came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.examples import series as module
from marketkit.examples.parameters import Parameters
from marketkit.examples.series import Series
from marketkit.timeframe import MINUTE

# So many signals in so few candles as no sane person wants.
KEEN = Parameters(
    rsi_period=3,
    warm_up=4,
    oversold=55,
    add_step=0.004,
    down_step=0.004,
    profits=((0.006, 0.5), (0.012, 1.0)),
    trail_from=0.004,
    trail=0.003,
    crash=0.015,
    surge=0.015,
    surge_hold=2,
)
STEPS = st.tuples(
    st.sampled_from([1, 1, 1, 1, 1, 2, 5, 31]),  # minutes since the candle before
    st.sampled_from([-0.02, -0.005, -0.003, -0.001, 0.0, 0.001, 0.003, 0.005, 0.02]),
)
WALKS = st.lists(STEPS, min_size=1, max_size=60)


def walk(steps) -> dict[int, float]:
    """Closes by time."""
    time, price, found = 0, 1000.0, {}
    for minutes, change in steps:
        time += minutes * MINUTE
        price = round(price * (1 + change), 1)
        found[time] = price
    return found


def signals_of(closes):
    series = Series(KEEN)
    series.take(closes)
    return series.signals


def fold(held, news):
    """Apply news as a reader does."""
    told, withdrawn = news
    assert set(withdrawn) <= set(held)
    left = [each for each in held if each not in set(withdrawn)]
    assert not set(told) & set(left)
    return sorted([*left, *told])


@given(steps=WALKS, data=st.data())
def test_any_splitting_into_batches_gives_the_same_signals(steps, data):
    closes = walk(steps)
    times = sorted(closes)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(times)), max_size=8)))
    series, held = Series(KEEN), []
    for start, end in zip([0, *cuts], [*cuts, len(times)], strict=True):
        held = fold(held, series.take({time: closes[time] for time in times[start:end]}))
    assert series.signals == held == signals_of(closes)


@given(steps=WALKS, data=st.data())
def test_any_order_and_any_repetition_gives_the_same_signals(steps, data):
    closes = walk(steps)
    order = data.draw(st.permutations(sorted(closes)))
    again = data.draw(st.lists(st.sampled_from(order), max_size=5))
    series, held = Series(KEEN), []
    for time in [*order, *again]:
        held = fold(held, series.take({time: closes[time]}))
    assert series.signals == held == signals_of(closes)


@given(steps=WALKS, data=st.data())
def test_candles_that_change_later_give_the_signals_of_what_they_became(steps, data):
    closes = walk(steps)
    times = st.sampled_from(sorted(closes))
    wrong = data.draw(st.dictionaries(times, st.floats(900, 1100), max_size=4))
    series, held = Series(KEEN), []
    for time, close in closes.items():
        held = fold(held, series.take({time: wrong.get(time, close)}))
    for time in data.draw(st.permutations(list(wrong))):
        held = fold(held, series.take({time: closes[time]}))
    assert series.signals == held == signals_of(closes)


@given(steps=WALKS, at=st.integers(0, 60), later=st.lists(st.floats(500, 2000), max_size=60))
def test_no_signal_looks_ahead(steps, at, later):
    closes = walk(steps)
    times = sorted(closes)
    changed = {**closes, **dict(zip(times[at:], later, strict=False))}
    until = times[at] if at < len(times) else times[-1] + 1
    before = [each for each in signals_of(closes) if each.time < until]
    assert [each for each in signals_of(changed) if each.time < until] == before
    assert signals_of({time: closes[time] for time in times[:at]}) == before


@given(steps=WALKS)
def test_the_books_agree_with_the_signals(steps):
    held = 0.0
    for each in signals_of(walk(steps)):
        assert each.position == pytest.approx(held + each.size, abs=1e-12)
        assert (each.size > 0, each.size < 0) == (each.action == "buy", each.action == "sell")
        assert (each.average is None) == (each.position == 0)
        assert (each.gain is None) == (held == 0) == (each.rule == "oversold_entry")
        assert each.known == each.time + MINUTE
        held = each.position
    assert held >= 0


def test_a_signal_that_does_not_hold_any_more_is_withdrawn():
    closes = dict(enumerate([1000.0, 1003.0, 1001.0, 1004.0, 1006.0, 1001.0, 999.0]))
    closes = {number * MINUTE: close for number, close in closes.items()}
    series = Series(KEEN)
    (entry,), withdrawn = series.take(closes)
    assert (entry.rule, entry.time, withdrawn) == ("oversold_entry", 5 * MINUTE, [])
    told, withdrawn = series.take({5 * MINUTE: 1006.0})
    assert withdrawn == [entry]
    assert [each.time for each in told] == [6 * MINUTE]
    assert series.take({5 * MINUTE: 1006.0}) == ([], [])
    assert series.take({}) == ([], [])


@given(steps=WALKS, data=st.data())
def test_a_change_of_long_ago_is_followed_from_the_first_candle_on(steps, data):
    closes = walk(steps)
    time = data.draw(st.sampled_from(sorted(closes)))
    close = data.draw(st.floats(900, 1100))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "REMEMBERED", data.draw(st.integers(1, 10)))
        series = Series(KEEN)
    held = fold([], series.take(closes))
    held = fold(held, series.take({time: close}))
    assert series.signals == held == signals_of({**closes, time: close})
    assert len(series._states) <= 10
