"""Messages of a stream are compared one by one."""

from __future__ import annotations

import json

import pytest

from marketkit.api.stream_contract import _differences, _parts
from marketkit.exchange.upbit.stream import Decoder

CANDLE = {
    "ty": "candle.1m", "cd": "KRW-BTC", "cdttmu": "2026-11-20T12:00:00",
    "cdttmk": "2026-11-20T21:00:00", "op": 10.0, "hp": 12.0, "lp": 9.0, "tp": 11.0, "catv": 1.0,
    "catp": 11.0, "tms": 1_795_176_020_000, "st": "SNAPSHOT",
}  # fmt: skip


def told(message, name="candle.1m"):
    raw = json.dumps(message).encode()
    (part,) = _parts(raw)
    return [(e.severity, e.said) for e in _differences(part, name, "KRW-BTC", raw, Decoder())]


def test_a_message_that_is_right_differs_in_nothing():
    assert told(CANDLE) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cdttmu": "3026-11-20T12:00:00"}, "the candle starts in the future"),
        ({"cdttmu": "2026-11-20T12:00:01"}, "the candle starts beside the slots"),
        ({"cdttmu": "noon"}, "cdttmu is no time"),
        ({"cd": "KRW-ELSEWHERE"}, "a row of KRW-ELSEWHERE came"),
        ({"tp": None}, "tp is null here"),
        ({"lp": 11.5}, "prices or sums that no candle can have"),
        ({"st": "LATER"}, "st is 'LATER' here"),
        ({"new": 1}, "new is a new field"),
    ],
)
def test_a_message_that_is_wrong_is_named(change, said):
    assert any(said in each for _, each in told(CANDLE | change))


def test_a_type_that_nobody_knows_is_told_and_an_error_is_bad():
    assert told({"ty": "rumour"}, "rumour")[0][0] == "note"
    assert told({"error": {"name": "NO_TYPE"}}, "None")[0][0] == "bad"


@pytest.mark.parametrize(
    ("raw", "types"),
    [
        (b'{"status":"UP"}', []),
        (b'[{"ty":"a"},{"ty":"b"}]', ["a", "b"]),
        (b"half {", ["that is no JSON"]),
        (b"[1]", ["that is no object"]),
    ],
)
def test_the_parts_of_a_frame_are_its_messages(raw, types):
    assert [part["ty"] for part in _parts(raw)] == types
