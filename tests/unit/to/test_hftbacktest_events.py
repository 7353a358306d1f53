"""Events for hftbacktest: flags, both clocks, and books told by what changed."""

from __future__ import annotations

import polars as pl

from marketkit.schema import SIDE, TIME
from marketkit.to.hftbacktest_events import BUY, DEPTH, EXCH, LOCAL, SELL, SNAPSHOT, TRADE, events

BOTH = EXCH + LOCAL
MS = 1_000_000


def books(*messages):
    """Books of `(time, received, [(bid, size), ...], [(ask, size), ...])`."""
    listed = [
        (time, received, depth, *bid, *ask)
        for time, received, bids, asks in messages
        for depth, (bid, ask) in enumerate(zip(bids, asks, strict=True), 1)
    ]
    names = ["time", "received", "depth", "bid_price", "bid_size", "ask_price", "ask_size"]
    kinds = dict(zip(names, [pl.Int64] * 3 + [pl.Float64] * 4, strict=True))
    return pl.DataFrame(listed, kinds, orient="row").cast({"time": TIME, "received": TIME})


def trades(*listed):
    """Trades of `(time, received, price, volume, side)`."""
    names = ["time", "received", "price", "volume", "side"]
    kinds = dict(zip(names, [pl.Int64] * 2 + [pl.Float64] * 2 + [pl.String], strict=True))
    frame = pl.DataFrame(list(listed), kinds, orient="row")
    return frame.cast({"time": TIME, "received": TIME, "side": SIDE})


def told(frame):
    rows = frame.select("ev", pl.col("exch_ts", "local_ts") // MS, "px", "qty").rows()
    return [(int(ev), *rest) for ev, *rest in rows]


NONE = [(None, None)]


def test_the_first_book_is_a_snapshot_and_the_next_what_changed():
    first = (10, 12, [(5.0, 1.0), (4.0, 2.0)], [(6.0, 1.0), (7.0, 2.0)])
    second = (20, 22, [(5.0, 3.0), (3.0, 1.0)], [(6.0, 1.0), (7.0, 2.0)])
    assert told(events(books(first, second), trades())) == [
        (BOTH + BUY + SNAPSHOT, 10, 12, 5.0, 1.0),
        (BOTH + BUY + SNAPSHOT, 10, 12, 4.0, 2.0),
        (BOTH + SELL + SNAPSHOT, 10, 12, 6.0, 1.0),
        (BOTH + SELL + SNAPSHOT, 10, 12, 7.0, 2.0),
        (BOTH + BUY + DEPTH, 20, 22, 4.0, 0.0),
        (BOTH + BUY + DEPTH, 20, 22, 5.0, 3.0),
        (BOTH + BUY + DEPTH, 20, 22, 3.0, 1.0),
    ]


def test_trades_have_the_takers_side():
    rows = trades((10, 11, 5.0, 0.5, "BID"), (12, 13, 6.0, 0.25, "ASK"))
    told_of = told(events(books((5, 9, NONE, NONE)), rows))
    assert told_of == [
        (BOTH + BUY + TRADE, 10, 11, 5.0, 0.5),
        (BOTH + SELL + TRADE, 12, 13, 6.0, 0.25),
    ]


def test_all_levels_leave_where_messages_may_be_missing():
    full = ([(5.0, 1.0)], [(6.0, 1.0)])
    rows = told(events(books((10, 12, *full), (50, 52, *full)), trades(), [30]))
    assert [(ev & 7, local, qty) for ev, _, local, _, qty in rows] == [
        (SNAPSHOT, 12, 1.0),
        (SNAPSHOT, 12, 1.0),
        (DEPTH, 31, 0.0),
        (DEPTH, 31, 0.0),
        (SNAPSHOT, 52, 1.0),
        (SNAPSHOT, 52, 1.0),
    ]


def test_who_comes_late_is_there_once_for_each_clock():
    book = (20, 21, [(5.0, 1.0)], [(6.0, 1.0)])
    rows = told(events(books((15, 16, NONE, NONE), book), trades((17, 25, 5.0, 0.5, "BID"))))
    assert rows[0] == (EXCH + BUY + TRADE, 17, 25, 5.0, 0.5)
    assert rows[-1] == (LOCAL + BUY + TRADE, 17, 25, 5.0, 0.5)
    assert [ev & BOTH for ev, *_ in rows[1:-1]] == [BOTH, BOTH]


def test_clocks_that_differ_move_all_arrivals_alike():
    rows = trades((100, 100, 5.0, 1.0, "BID"), (110, 104, 5.0, 1.0, "BID"))
    assert [(exch, local) for _, exch, local, *_ in told(events(books(), rows))] == [
        (100, 106),
        (110, 110),
    ]


def test_a_trade_of_before_the_recording_is_no_event():
    rows = trades((5, 20, 5.0, 1.0, "BID"), (30, 31, 5.0, 1.0, "BID"))
    assert len(told(events(books(), rows))) == 1
    assert events(books(), trades()).columns == ["ev", "exch_ts", "local_ts", "px", "qty"]
