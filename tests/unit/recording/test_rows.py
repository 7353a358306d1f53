"""Messages as rows and back."""

from __future__ import annotations

import sys

import msgspec
import polars as pl
import pytest

from marketkit.exchange.upbit.messages import Book, Unit
from marketkit.recording import rows
from marketkit.recording.rows import (
    Heard,
    Packed,
    pack,
    shape,
    stored,
    to_frame,
    to_messages,
    whole,
)
from tests.unit.recording.conftest import heard_of_each_kind

HEARD = heard_of_each_kind()


@pytest.mark.parametrize("channel", HEARD)
def test_rows_say_all_that_the_messages_said(channel):
    frame = to_frame(channel, HEARD[channel])
    assert dict(frame.schema) == dict(stored(channel))
    assert set(shape(channel)) < set(frame.columns)
    assert list(to_messages(channel, frame)) == HEARD[channel]
    assert {each.message.channel for each in to_messages(channel, frame)} == {channel}


@pytest.mark.parametrize("channel", HEARD)
def test_messages_that_wait_as_bytes_are_the_same(channel):
    packed = [pack(*each) for each in HEARD[channel]]
    assert {type(each) for each in packed} == {Packed if "orderbook" in channel else Heard}
    assert [each.message for each in packed] == [each.message for each in HEARD[channel]]
    assert to_frame(channel, packed).equals(to_frame(channel, HEARD[channel]))


@pytest.mark.parametrize("channel", HEARD)
def test_many_messages_are_laid_out_by_and_by(channel, monkeypatch):
    many = HEARD[channel] * 3
    at_once = to_frame(channel, many)
    monkeypatch.setattr(rows, "_AT_ONCE", 2)
    assert to_frame(channel, many).equals(at_once)
    assert to_frame(channel, many).n_chunks() == 1


def test_a_book_as_bytes_takes_less_than_half_of_what_its_numbers_take():
    unit = Unit(116_606_000.5, 116_534_000.5, 0.06288509, 0.00079276)
    size = sum(map(sys.getsizeof, (unit, *msgspec.structs.astuple(unit))))
    book = Book("KRW-BTC", 1_790_134_773_006, 0.5, 2.2, [unit] * 30)
    assert 2 * len(pack(0, book).content) < 30 * size


@pytest.mark.parametrize("channel", HEARD)
def test_no_messages_are_no_rows(channel):
    frame = to_frame(channel, [])
    assert frame.is_empty()
    assert dict(frame.schema) == dict(stored(channel))
    assert list(to_messages(channel, frame)) == []


def test_a_book_whose_rows_are_not_all_there_waits_for_the_rest():
    frame = to_frame("orderbook", HEARD["orderbook"])
    assert frame["depth"].to_list() == [1, 2, 1, 2, 3]
    assert whole("orderbook", frame.head(4)) == 2
    assert whole("orderbook", frame.head(1)) == 0
    assert whole("trade", pl.DataFrame({"symbol": ["KRW-BTC"] * 3})) == 3


def test_a_recovered_trade_that_no_stream_could_send_waits_as_it_is():
    (received, trade) = HEARD["trade"][0]
    odd = msgspec.structs.replace(trade, price=0.0, side=None)
    assert pack(received, odd) == Heard(received, odd)
    assert to_frame("trade", [pack(received, odd)])["price"].to_list() == [0.0]
