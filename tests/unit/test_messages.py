"""Messages name times as people read them."""

from __future__ import annotations

import re

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.chunk import describe, read_footer, write_chunk
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.lake import Lake
from marketkit.errors import MarketkitError
from marketkit.schema import ROW, empty
from marketkit.timeframe import DAY, TIMEFRAMES, parse_time
from marketkit.window import check_range, read_window

NOON = parse_time("2024-01-10T12:00:00Z")
SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
A_NUMBER_OF_MS = re.compile(r"\d{10,}")


def append(tmp_path, *span):
    Lake(tmp_path).append("KRW-BTC", "1m", empty(ROW), Spans([span]))


def reads_beyond_its_chunk(tmp_path):
    path = tmp_path / SERIES.path("2024-01")
    path.parent.mkdir(parents=True)
    covered = Spans([(NOON, NOON + 40 * DAY)])
    write_chunk(path, empty(ROW), describe(empty(ROW), covered, None), SERIES)
    read_footer(path, SERIES)


WRONG = {
    "a range that ends before it starts": lambda _: check_range(NOON + DAY, NOON),
    "a range beyond the calendar": lambda _: check_range(NOON, NOON * 1000),
    "a window that ends before it starts": lambda _: read_window(
        "1m", "2024-01-10T12:00", "2024-01-10", None
    ),
    "a covering of parts of slots": lambda path: append(path, NOON + 1, NOON + DAY),
    "a covering beyond the calendar": lambda path: append(path, NOON, NOON * 1000),
    "a file that covers more than its chunk": reads_beyond_its_chunk,
}


@pytest.mark.parametrize("case", WRONG)
def test_a_time_in_a_message_is_iso(case, tmp_path):
    with pytest.raises(MarketkitError, match=r"2024-01-10T12:00:00|2024-01-01T00:00:00") as caught:
        WRONG[case](tmp_path)
    assert not A_NUMBER_OF_MS.search(str(caught.value))
