"""Trades of an open stream beside an answer of REST: no hole between, and none twice."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from marketkit.api.trade_edge import YOUNG, Streamed, TradeAnswer, joined, streamed_by
from marketkit.coverage import Span
from marketkit.data.fetch.trades import SETTLED
from marketkit.schema import TRADE
from marketkit.window import EVER

T = 1_736_899_200_000
ALL = Span(0, EVER.end)


def frame(*trades):
    rows = [("KRW-BTC", T + at, 1.0, 1.0, "BID", 1.0, 0.0, number) for at, number in trades]
    return pl.DataFrame(rows, schema=dict(TRADE), orient="row")


def answer(*trades, at=T):
    return TradeAnswer(frame(*trades), 0, "rest", at)


def numbers(told):
    return told.rows["sequential_id"].to_list()


def test_what_a_stream_has_beyond_an_answer_comes_after_it_once():
    streamed = Streamed(frame((2, 2), (3, 3), (3, 4), (9, 5)), 0)
    assert numbers(joined(answer((1, 1), (2, 2), (3, 3)), streamed, ALL)) == [1, 2, 3, 4, 5]


def test_nothing_is_added_where_trades_between_may_be_missing():
    streamed = Streamed(frame((7, 7), (8, 8)), 0)
    for told in (answer((1, 1), (2, 2)), answer()):
        assert joined(told, streamed, ALL) is told


def test_a_stream_that_began_long_before_the_answer_needs_no_trade_that_both_have():
    streamed = Streamed(frame((-SETTLED - 1, 1), (5, 2)), 0)
    assert numbers(joined(answer(), streamed, Span(T, EVER.end))) == [2]
    assert numbers(joined(answer(at=T - 1), streamed, Span(T, EVER.end))) == []


def test_trades_outside_of_the_span_do_not_come():
    streamed = Streamed(frame((1, 1), (2, 2), (3, 3)), 0)
    assert numbers(joined(answer((1, 1)), streamed, Span(T, T + 3))) == [1, 2]


def test_a_stream_reaches_back_to_after_its_first_trade_while_it_is_young():
    streamed = Streamed(frame((5, 1), (9, 2)), 1_000)
    assert streamed.reaches(T + 6, 1_000 + YOUNG)
    assert not streamed.reaches(T + 5, 1_000)  # of that millisecond others may have come before
    assert not streamed.reaches(T + 6, 1_001 + YOUNG)
    assert not Streamed(frame(), 1_000).reaches(T + 6, 1_000)


def test_no_feed_knows_nothing():
    class Deaf:
        def whole(self, *_):
            return None

    assert streamed_by(None, "KRW-BTC") is None
    assert streamed_by(Deaf(), "KRW-BTC") is None


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=30),
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(0, 30),
)
def test_an_answer_and_a_stream_together_are_a_beginning_of_all_trades(steps, told, since, until):
    """REST has all up to some trade, a stream all from one on to another."""
    trades, at = [], 0
    for number, step in enumerate(steps):
        at += step
        trades.append((at, number))
    rest, stream = answer(*trades[:told]), trades[since:until]
    got = numbers(joined(rest, Streamed(frame(*stream), 0), ALL))
    assert got == list(range(len(got)))
    assert len(got) >= len(trades[:told])
