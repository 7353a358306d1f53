"""Letters that an output cannot take are told in others, and nothing dies."""

from __future__ import annotations

import errno
import io
import json
import os
import sys

import pytest

from marketkit.cli.terminal import forgiving, print_for_programs, writing
from marketkit.errors import MarketkitError, TimedOut

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


def test_json_is_ascii_where_the_output_is_not_utf_8(output):
    stream, raw = output("cp949")
    with forgiving():
        print_for_programs()
        stream.write('{"name": "비트코인"}')
    assert json.loads(raw.getvalue().decode("ascii")) == {"name": "비트코인"}
    assert (stream.encoding, stream.errors) == ("cp949", "strict")


def test_a_closed_output_takes_everything_meanwhile(monkeypatch):
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    with forgiving():
        sys.stdout.write("비트코인\N{ROCKET}")
        sys.stderr.write("e\u0301\udc80")
        assert not sys.stdin.isatty()
        assert sys.stdin.read() == ""
    assert sys.stdout is None


def test_what_is_left_for_a_reader_that_has_gone_is_dropped(monkeypatch):
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        with forgiving():
            stream.write("left")
        stream.flush()  # as the end of the process does


def test_only_an_output_that_cannot_be_written_is_an_error_of_ours():
    with pytest.raises(TimedOut), writing(sys.stdout):
        raise TimedOut("of the network, and an OSError")
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(MarketkitError, match="cannot be written: No space"), writing(io.StringIO()):
        raise full
    with pytest.raises(BrokenPipeError), writing(io.StringIO()):
        raise BrokenPipeError
