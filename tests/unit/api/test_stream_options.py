"""The options of streams: what makes sense together, and what they ask for."""

from __future__ import annotations

import pytest

from marketkit.api.stream_options import Again, StreamOptions, again
from marketkit.errors import InputError


def test_a_replay_is_what_is_played_and_how():
    assert again(None, 1.0, None, None) is None
    assert again("tape", 2.0, "2026-01-01", None) == Again("tape", 2.0, "2026-01-01", None)


@pytest.mark.parametrize(
    "span", [(2.0, None, None), (1.0, "2026-01-01", None), (1.0, None, "2026-01-01")]
)
def test_speed_and_span_without_a_replay_are_refused(span):
    with pytest.raises(InputError, match="give replay="):
        again(None, *span)


def test_a_closed_candle_waits_ninety_seconds_or_as_long_as_the_caller_says():
    assert StreamOptions().settled(candles=True) == 90_000
    assert StreamOptions(settle=4.5).settled(candles=True) == 4_500


@pytest.mark.parametrize("settle", [0, 2.9, -1, float("nan"), float("inf"), "90s"])
def test_a_wait_that_makes_no_sense_is_refused(settle):
    with pytest.raises(InputError, match="give seconds, 3 or more"):
        StreamOptions(settle=settle).settled(candles=True)


def test_a_wait_is_for_candles():
    StreamOptions().settled(candles=False)
    with pytest.raises(InputError, match="settle is for candles"):
        StreamOptions(settle=10).settled(candles=False)
