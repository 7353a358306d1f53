"""Candles between frames and rows: nothing is lost on the way."""

from __future__ import annotations

from marketkit import schema
from marketkit.api.live.rows import candle_frame, rows_of
from marketkit.api.live.slots import Row
from tests.unit.api.live.conftest import BTC, ETH, at


def test_rows_become_a_frame_and_rows_again():
    rows = [(at(minute), Row(2.0, 9.0, 1.0, 2.5, 3.0, 6.0)) for minute in range(3)]
    frame = candle_frame((BTC, time, row) for time, row in rows)
    assert dict(frame.schema) == dict(schema.ROW)
    assert rows_of(frame) == rows


def test_candles_of_several_symbols_lie_in_one_frame_in_order():
    row = Row(2.0, 9.0, 1.0, 2.5, 3.0, 6.0, sent=at(1))
    frame = candle_frame([(ETH, at(0), row), (BTC, at(1), row)])
    assert frame["symbol"].to_list() == [ETH, BTC]
    assert dict(candle_frame([]).schema) == dict(schema.ROW)
