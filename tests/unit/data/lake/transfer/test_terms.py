"""The terms of an import are checked before a file is opened."""

from __future__ import annotations

import pytest

from marketkit.coverage import Span
from marketkit.errors import InputError
from marketkit.timeframe import MINUTE
from tests.unit.data.lake.transfer.tables import START, terms


def test_a_covering_of_two_moments_is_the_whole_slots_between():
    told = terms(covering=("2024-01-01T00:00:30", "2024-01-01T00:03:59"))
    assert told.span == Span(START + MINUTE, START + 3 * MINUTE)
    assert terms(covering="range").span is None


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"symbol": "btc"}, "not a symbol"),
        ({"covering": "row"}, "covering='row'; did you mean 'rows'"),
        ({"covering": ("2024-01-01", None)}, "write 'rows', 'range' or"),
        ({"covering": ("2024-01-01", "2024-01-01T00:00:59")}, "has no whole slot of 1m"),
        ({"prefer": "exchange"}, "prefer='exchange'"),
        ({"duplicates": "both"}, "duplicates='both'"),
        ({"on_error": "list"}, "on_error='list'"),
    ],
)
def test_words_that_mean_nothing_are_refused(options, match):
    with pytest.raises(InputError, match=match):
        terms(**options)
