"""Streams that are played again, and the options that no recording can fulfil."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from marketkit.api.query import CallOptions
from marketkit.api.replays import Replays
from marketkit.api.stream_options import Again, StreamOptions
from marketkit.data.lake.lake import Lake
from marketkit.errors import InputError
from marketkit.exchange.upbit.messages import Book, Unit
from marketkit.net.engine import engine
from marketkit.recording import files, journal
from marketkit.recording.journal import Note
from marketkit.recording.layout import hour_of
from marketkit.recording.rows import Heard, to_frame
from tests.unit.recording.conftest import START


@pytest.fixture
def replays(tmp_path) -> Replays:
    """Replays of a provider."""
    filler: Any = SimpleNamespace(lake=Lake(tmp_path / "lake"))
    return Replays(filler)


@pytest.fixture
def tape(tmp_path) -> Again:
    """A recording of one book of three levels, as fast as it is read."""
    book = Book("KRW-BTC", START, 1.0, 2.0, [Unit(3, 2, 1, 5)] * 3, 0.0)
    rows = to_frame("orderbook", [Heard(START, book)])
    files.write_part(tmp_path, hour_of("orderbook", START), 1, rows)
    journal.write(tmp_path, [Note("began", START, streams={"orderbook": ["KRW-BTC"]})])
    return Again(tmp_path, 0, None, None)


def test_recorded_books_are_cut_to_the_depth_that_is_wanted(replays, tape):
    more = StreamOptions(depth=2)
    work = replays.watch_again("KRW-BTC", "orderbook", CallOptions(), tape, more=more)
    with engine().run(work) as feed:
        assert next(iter(feed))["depth"].to_list() == [1, 2]


def test_a_level_that_was_not_recorded_is_refused(replays, tape):
    more = StreamOptions(level=10_000)
    work = replays.watch_again("KRW-BTC", "orderbook", CallOptions(), tape, more=more)
    with pytest.raises(InputError, match="a recording has books of level 0"):
        asyncio.run(work)
