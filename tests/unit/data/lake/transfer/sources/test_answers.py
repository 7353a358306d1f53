"""JSON as it came from the exchange, as one list, and line by line."""

from __future__ import annotations

import json

import pytest

from marketkit.data.lake.transfer.sources.answers import read_json
from marketkit.errors import InputError

ONE, OTHER = {"time": 1, "open": 139394000.1}, {"time": 2, "open": 1e-8, "more": None}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([ONE, OTHER]),
        json.dumps([ONE, OTHER], indent=4),
        json.dumps([[ONE], [OTHER]]),
        json.dumps({"result": [ONE, OTHER]}),
        f"{json.dumps(ONE)}\n{json.dumps(OTHER)}\n",
        f"{json.dumps([ONE])}\n{json.dumps([OTHER])}",
        f"{json.dumps([ONE])}{json.dumps([OTHER])}",
        "\ufeff" + json.dumps([ONE, OTHER]),
    ],
)
def test_candles_come_in_pages_lists_and_lines(text):
    frame = read_json(text.encode(), None)
    assert frame.select("time", "open").rows() == [("1", "139394000.1"), ("2", "1e-08")]


def test_numbers_stay_the_text_that_they_are_and_booleans_are_none():
    frame = read_json(b'[{"a": 1409688092.66641000, "b": true, "c": NaN, "d": "x"}]', None)
    assert frame.rows() == [("1409688092.66641000", "true", "NaN", "x")]


def test_candles_without_names_are_in_the_order_in_use():
    frame = read_json(b"[[1704099600000, 1, 4, 0.5, 2, 10]]", None)
    assert frame.columns == ["time", "open", "high", "low", "close", "volume"]


def test_an_answer_without_candles_has_no_rows():
    assert read_json(b"[]", None).is_empty()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b'{"error": {"name": "x", "message": "Too many"}}', "an error of the exchange.*Too many"),
        (b'[{"a": 1},\n{"a": ', "line 2 is no JSON|line 1 is no JSON"),
        (b'{"a": 1}\n{"a"', "line 2 is no JSON"),
        (b'{"time": [1], "open": [2]}', "no list of candles"),
        (b'{"open": {"0": 1}, "close": {"0": 1}}', "no list of candles"),
        (b"[1, 2]", "holds '1' where a candle is expected"),
        (b"7", "holds '7'"),
        (b"[" * 100_000, "no JSON"),
    ],
)
def test_what_is_no_list_of_candles_is_named(text, match):
    with pytest.raises(InputError, match=match):
        read_json(text, None)
