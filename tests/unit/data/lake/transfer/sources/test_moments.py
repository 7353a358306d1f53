"""Texts that say a moment, in the forms that programs and people write."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest

from marketkit.data.lake.transfer.sources.moments import (
    first_unread,
    form_of,
    read_moments,
    with_days,
)

NINE = datetime(2024, 1, 1, 9)  # noqa: DTZ001 - the texts have none


def read(*texts):
    return read_moments(pl.Series("time", list(texts), pl.String))


@pytest.mark.parametrize(
    "text",
    [
        *("2024-01-01T09:00:00", "2024-01-01 09:00", "2024-01-01 9:00", "2024/01/01 09:00:00"),
        *("2024.01.01 09:00", "2024. 1. 1. 오전 9:00", "2024-01-01 오전 9:00:00"),
        *("2024-01-01 9:00:00 AM", " 2024-01-01T09:00:00.000 "),
    ],
)
def test_a_moment_without_a_zone(text):
    assert read(text).to_list() == [NINE]


@pytest.mark.parametrize(
    "text",
    [
        *("2024-01-01T09:00:00Z", "2024-01-01 09:00:00+00:00", "2024-01-01T18:00:00+0900"),
        *("2024-01-01 18:00:00 KST", "2024-01-01 09:00 UTC", "2024-01-01T09:00:00.000Z"),
        *("2024-01-01 18:00:00+09", "2024-01-01T09:00:00.000+0000", "2024-01-01 09:00:00+00"),
    ],
)
def test_a_moment_with_a_zone(text):
    (moment,) = read(text).dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_list()
    assert moment == NINE


def test_days_stay_days_and_the_afternoon_is_the_afternoon():
    assert read("2024-01-01", "").to_list() == [date(2024, 1, 1), None]
    assert read("2024-01-01 오후 9:00").to_list() == [datetime(2024, 1, 1, 21)]  # noqa: DTZ001


def test_forms_may_mix_as_programs_mix_them():
    both = read("2024-01-01", "2024-01-01 09:00", None, "2024-01-01 09:00:00.500")
    assert both.null_count() == 1
    assert both.to_list()[1] == NINE
    assert read("2024-01-01T09:00:00Z", "2024-01-01 18:00:00+09:00").n_unique() == 1


def test_zones_and_none_do_not_mix_and_the_row_is_told():
    texts = pl.Series("time", ["2024-01-01T09:00:00Z", "2024-01-01T09:00:00"])
    assert first_unread(texts, read_moments(texts)) == 1


@pytest.mark.parametrize("text", ["yesterday", "09:00", "01/02/2024", "1704099600.5", "2024-1"])
def test_what_may_be_anything_has_no_form(text):
    assert form_of(text) is None


def test_a_day_that_no_calendar_has_is_not_read():
    texts = pl.Series("time", ["2024-01-01", "2024-13-01"])
    assert first_unread(texts, read_moments(texts)) == 1


def test_nothing_said_is_nothing_read():
    assert read().to_list() == []
    assert read(None, "").to_list() == [None, None]


@pytest.mark.parametrize(
    ("day", "time", "moment"),
    [
        ("2024.01.01", "09:00", "2024.01.01 09:00"),
        ("20240101", "900", "202401010900"),
        ("20240101", "090059", "20240101090059"),
        ("2024-01-01", "2024-01-01T09:00Z", "2024-01-01T09:00Z"),
        ("2024-01-01", "1704099600", "1704099600"),
        (None, "09:00", "09:00"),
    ],
)
def test_a_time_of_day_goes_with_the_day_beside_it(day, time, moment):
    days, times = (pl.Series("t", [each], pl.String) for each in (day, time))
    assert with_days(times, days).to_list() == [moment]


def test_types_that_are_no_text_need_no_day():
    times = pl.Series("t", [1])
    assert with_days(times, pl.Series("d", ["20240101"])).equals(times)
