"""Messages as rows and back."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.recording.rows import shape, stored, to_frame, to_messages, whole
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
