"""Letters that an output cannot take are told in others, and nothing dies."""

from __future__ import annotations

import io
import json
import sys

import pytest

from marketkit.cli.terminal import forgiving, print_for_programs

TABLE = "┌────┬─┐\n│ 비트코인 ┆ 1…\n╞════╪═╡"


@pytest.fixture
def output(monkeypatch):
    """Give the standard output of an encoding, and a way to see what came."""

    def of(encoding: str) -> tuple[io.TextIOWrapper, io.BytesIO]:
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding=encoding)
        monkeypatch.setattr(sys, "stdout", stream)
        return stream, raw

    return of


def test_a_table_is_ascii_where_lines_cannot_be_drawn(output):
    stream, raw = output("ascii")
    with forgiving():
        stream.write(TABLE)
    stream.flush()
    assert raw.getvalue().decode("ascii") == "+----+-+\n| ???? | 1.\n+----+-+"


def test_a_korean_console_keeps_its_letters_and_the_lines_that_it_has(output):
    stream, raw = output("cp949")
    with forgiving():
        stream.write(TABLE)
    stream.flush()
    assert "비트코인 | 1" in raw.getvalue().decode("cp949")


@pytest.mark.parametrize("text", ["비트코인", "é", "\N{ROCKET}", "|\udc80"])
def test_json_comes_back_as_it_was(output, text):
    stream, raw = output("ascii")
    with forgiving():
        print_for_programs()
        stream.write(json.dumps({"name": text}, ensure_ascii=False))
    stream.flush()
    assert json.loads(raw.getvalue().decode("ascii")) == {"name": text}


def test_afterwards_the_output_is_as_it_was(output):
    stream, _ = output("ascii")
    with forgiving():
        assert stream.errors != "strict"
    assert stream.errors == "strict"
    with pytest.raises(UnicodeEncodeError):
        stream.write("비")


def test_an_output_of_another_kind_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    with forgiving():
        print_for_programs()
        sys.stdout.write("비트코인")
