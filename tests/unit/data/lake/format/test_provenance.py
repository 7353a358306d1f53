"""Where rows came from is spelt in a footer and read back, and nonsense is no provenance."""

from __future__ import annotations

import json

import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format.provenance import (
    NO_ARCHIVE,
    Check,
    Provenance,
    Source,
    provenance_of,
)

DAY = 86_400_000
ONE = Source("candle/a.zip", "ab" * 32, 1000, "2025-01-02T01:00:00Z", 5, 0, DAY)
TWO = ONE._replace(key="candle/b.zip", start=DAY, end=2 * DAY, modified=None)
CHECK = Check(0, 600_000, 7, 10, 1, 60_000)


def test_what_is_said_is_read_back():
    told = Provenance((ONE, TWO), (CHECK, CHECK._replace(first=None, differing=0)))
    assert provenance_of(json.loads(json.dumps(told.said()))) == told


def test_a_footer_without_files_says_nothing_of_them():
    assert NO_ARCHIVE.said() == {}
    assert provenance_of({"rows": 3}) is NO_ARCHIVE
    assert not NO_ARCHIVE


def test_a_file_that_was_published_again_takes_the_place_of_the_old_one():
    again = ONE._replace(size=2000)
    assert Provenance((ONE, TWO), (CHECK,)).then(Provenance((again,))) == Provenance((again, TWO))


def test_a_month_takes_the_place_of_its_days():
    month = ONE._replace(key="candle/month.zip", end=31 * DAY)
    assert Provenance((ONE, TWO)).then(Provenance((month,))).sources == (month,)


def test_a_part_has_the_files_that_meet_it():
    both = Provenance((ONE, TWO), (CHECK,))
    assert both.within(Span(0, DAY)) == Provenance((ONE,), (CHECK,))
    assert both.within(Span(DAY, 9 * DAY)) == Provenance((TWO,))


def test_some_times_have_the_files_that_tell_of_them():
    both = Provenance((ONE, TWO), (CHECK,))
    assert both.of(Spans([(5, 6)])) == Provenance((ONE,), (CHECK,))
    assert both.of(Spans([(DAY, DAY + 1)])) == Provenance((TWO,))
    assert not both.of(Spans([(3 * DAY, 4 * DAY)]))


@pytest.mark.parametrize(
    "said",
    [
        {"archive": [["a"]]},
        {"archive": 5},
        {"archive": [[1, *ONE[1:]]]},
        {"archive": [[*ONE[:2], "9", *ONE[3:]]]},
        {"archive": [[*ONE[:6], -1]]},
        {"archive": [["x" * 1000, *ONE[1:]]]},
        {"checks": [[0, 1, 2, 3, 4, "x"]]},
        {"checks": [[0, 1, 2, 3.5, 4, None]]},
    ],
)
def test_nonsense_is_refused(said):
    with pytest.raises((ValueError, TypeError)):
        provenance_of(said)
