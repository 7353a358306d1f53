"""Up to when nothing is missing: what one channel has is no word about another at the same moment."""

from __future__ import annotations

import pytest

from marketkit.recording import files
from marketkit.recording.layout import hour_of
from marketkit.recording.reach import heard_until
from marketkit.recording.rows import Heard, to_frame
from marketkit.timeframe import HOUR
from tests.unit.recording.conftest import START, heard_of_each_kind, trade

BOOKS = heard_of_each_kind()["orderbook"]


def part(root, channel, number, *times):
    """Write a part with messages that came at these times after the start."""
    if channel == "trade":
        heard = [Heard(START + time, trade(number * 100 + time)) for time in times]
    else:
        heard = [Heard(START + time, BOOKS[0].message) for time in times]
    hour = hour_of(channel, heard[0].received)
    files.write_part(root, hour, number, to_frame(channel, heard))


def test_a_single_channel_reaches_to_its_newest_message(tmp_path):
    part(tmp_path, "trade", 1, 1, 2)
    part(tmp_path, "trade", 2, 7, 9)
    assert heard_until(tmp_path) == heard_until(tmp_path, "trade") == START + 9


def test_nothing_is_heard_of_a_channel_whose_first_part_is_not_there_yet(tmp_path):
    part(tmp_path, "orderbook", 1, 1, 2)
    (tmp_path / "channel=trade").mkdir()
    assert heard_until(tmp_path, "trade") == 0
    assert heard_until(tmp_path, "orderbook") == START + 2


def test_a_part_of_another_channel_proves_what_was_written_before_it(tmp_path):
    part(tmp_path, "trade", 1, 1, 2)
    part(tmp_path, "orderbook", 2, 2, 3)
    part(tmp_path, "orderbook", 3, 6, 8)  # and the trades up to 8 are not there yet
    assert heard_until(tmp_path, "trade") == START + 3
    assert heard_until(tmp_path) == START + 3
    assert heard_until(tmp_path, "orderbook") == START + 8


def test_the_file_of_an_hour_reaches_to_its_end_for_all(tmp_path):
    (tmp_path / "channel=trade").mkdir()
    part(tmp_path, "orderbook", 1, 1, 5)
    files.compact(tmp_path, hour_of("orderbook", START))
    assert heard_until(tmp_path, "trade") == START + 5
    part(tmp_path, "orderbook", 2, HOUR, HOUR + 9)
    assert heard_until(tmp_path, "trade") == START + 5


@pytest.mark.parametrize("made", [0, 1])
def test_a_damaged_part_and_a_folder_that_is_new_reach_nowhere(tmp_path, made):
    if made:
        part(tmp_path, "trade", 1, 1)
        (path,) = tmp_path.rglob("*.part.parquet")
        path.write_bytes(b"rot")
    assert heard_until(tmp_path) == 0
