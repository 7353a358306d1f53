"""A lake alone answers for what it proves, and a frozen set for what it proved then."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.errors import InputError, NotCovered
from marketkit.timeframe import HOUR, MINUTE, parse_time
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2026-11-16")
RANGE = {"start": "2026-11-16", "end": "2026-11-16T01:00"}


@pytest.fixture
def kept(offline):
    """A provider that sends nothing, with an hour of minutes, frozen before a second one came."""
    for hour in (0, 1):
        edges = (START + hour * HOUR, START + (hour + 1) * HOUR)
        rows = make_candles(range(*edges, MINUTE))
        offline.lake().append("KRW-BTC", "1m", rows, Spans([edges]))
        if not hour:
            offline.lake().freeze("then")
    return offline


def test_a_lake_answers_without_asking_anybody(kept):
    told = kept.with_response.get_candle("KRW-BTC", "1m", **RANGE, source="lake")
    assert (told.frame.height, told.source, told.notes) == (60, {"KRW-BTC": "lake"}, {})
    made = kept.with_response.get_candle(["KRW-BTC"], "1h", **RANGE, source="lake")
    assert (made.source, made.derived) == ({"KRW-BTC": "derived"}, {"KRW-BTC": "1m"})


def test_a_frozen_set_knows_what_was_known_then(kept):
    later = {"start": "2026-11-16T01:00", "end": "2026-11-16T02:00"}
    assert kept.get_candle("KRW-BTC", "1m", **later, source="lake").height == 60
    assert kept.get_candle("KRW-BTC", "1m", as_of="then").height == 60
    with pytest.raises(NotCovered):
        kept.get_candle("KRW-BTC", "1m", **later, as_of="then")
    with pytest.raises(InputError, match="never"):
        kept.get_candle("KRW-BTC", "1m", as_of="never")
