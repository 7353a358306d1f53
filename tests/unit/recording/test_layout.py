"""Names of recorded files."""

from __future__ import annotations

import pytest

from marketkit.exchange.upbit.channels import channel, channel_names
from marketkit.recording import layout
from marketkit.recording.layout import hour_of, hour_of_file
from marketkit.timeframe import HOUR, parse_time

MOMENT = parse_time("2026-11-20T05:59:59.999")


def test_an_hour_is_a_file_and_its_parts_are_in_its_folder_in_order():
    hour = hour_of("trade", MOMENT)
    assert f"{hour.folder}/{hour.file}" == "channel=trade/date=2026-11-20/05.parquet"
    assert hour.span == (parse_time("2026-11-20T05:00"), parse_time("2026-11-20T06:00"))
    assert hour.part(9) < hour.part(10) < hour.part(10**18)
    assert layout.is_part(hour.part(9))
    assert not layout.is_part(hour.file)


def test_names_are_read_back():
    hour = hour_of("orderbook", MOMENT)
    top, _, folder = hour.folder.partition("/")
    day = layout.day_of(folder)
    assert layout.channel_of(top) == "orderbook"
    assert hour_of_file("orderbook", day, hour.file) == hour
    assert hour_of_file("orderbook", day, hour.part(7)) == hour
    assert hour_of("orderbook", MOMENT + 1).start == hour.start + HOUR


@pytest.mark.parametrize(
    "name",
    ["24.parquet", "5.parquet", "05.parquet.123.tmp", "05.part.parquet", "notes.txt", "05.PARQUET"],
)
def test_what_is_not_named_like_a_file_of_ours_is_none(name):
    assert hour_of_file("trade", 0, name) is None


@pytest.mark.parametrize("name", ["date=2026-13-01", "date=2026-1-1", "2026-01-01", "date="])
def test_what_is_not_named_like_a_day_is_none(name):
    assert layout.day_of(name) is None
    assert layout.channel_of(name) is None


def test_no_two_channels_share_a_folder_where_case_is_ignored_or_need_quoting():
    folders = [layout.channel_folder(channel(name)) for name in channel_names()]
    assert len({folder.lower() for folder in folders}) == len(folders)
    assert all(
        folder == folder.lower() and not set(folder) & set("*?[]{}/\\ ") for folder in folders
    )
