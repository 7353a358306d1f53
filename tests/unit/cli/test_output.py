"""One interface for what commands print: for people, or for programs."""

from __future__ import annotations

import io
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from marketkit.cli.output import Output
from marketkit.data.jobs.report import Report
from marketkit.errors import MarketkitError, TimedOut
from marketkit.schema import TIME
from marketkit.timeframe import parse_time, parse_timeframe

TIMES = [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 1, 0, 250_000, UTC)]
FRAME = pl.DataFrame(
    {"time": TIMES, "price": [1.5, None]}, schema={"time": TIME, "price": pl.Float64()}
)


@pytest.fixture
def people():
    return Output(as_json=False)


@pytest.fixture
def programs():
    return Output(as_json=True)


def test_a_frame_is_a_table_or_a_list_of_objects(people, programs, capsys):
    people.table(FRAME)
    assert capsys.readouterr().out.splitlines() == [
        "time (UTC)               price",
        "───────────────────────  ─────",
        "2026-01-01 00:00:00.000    1.5",
        "2026-01-01 00:01:00.250      -",
    ]
    programs.table(FRAME)
    assert json.loads(capsys.readouterr().out) == [
        {"time": "2026-01-01T00:00:00.000+00:00", "price": 1.5},
        {"time": "2026-01-01T00:01:00.250+00:00", "price": None},
    ]


def test_prices_in_a_table_are_as_people_read_them(people, capsys):
    people.table(pl.DataFrame({"price": [178_345_000.0, 0.00001234, 1234.5]}))
    said = capsys.readouterr().out
    assert said.split()[2:] == ["178,345,000", "0.00001234", "1,234.5"]


def test_a_table_shows_every_column_and_forty_rows(people, capsys):
    wide = pl.DataFrame({f"column_{n}": range(40) for n in range(15)})
    people.table(wide)
    said = capsys.readouterr().out
    assert all(f"column_{n}" in said.replace("\n", "") for n in range(15))
    assert said.splitlines()[-1].split() == ["39"] * 15
    people.table(wide, most=6)
    assert "34 of 40 rows are left out" in capsys.readouterr().out


def test_lines_are_values_or_objects_each_on_its_own(people, programs, capsys):
    people.lines(FRAME)
    assert capsys.readouterr().out.splitlines() == [
        "2026-01-01T00:00:00.000Z             1.5",
        "2026-01-01T00:01:00.250Z  -",
    ]
    programs.lines(FRAME)
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["price"], second["price"]) == (1.5, None)


def test_sentences_are_for_people_and_values_for_programs(people, programs, capsys):
    for output in (people, programs):
        output.say("all is well")
        output.value(well=True)
    assert capsys.readouterr().out == 'all is well\n{"well": true}\n'


def test_a_problem_goes_to_stderr(people, programs, capsys):
    people.problem(TimedOut("too slow"))
    programs.problem(TimedOut("too slow"))
    out, err = capsys.readouterr()
    assert out == ""
    sentence, value = err.splitlines()
    assert sentence == "marketkit: too slow"
    assert json.loads(value) == {"error": "TimedOut", "message": "too slow"}


def test_a_report_has_all_its_numbers_for_programs(people, programs, capsys):
    start, end = parse_time("2026-01-01"), parse_time("2026-01-02")
    report = Report(
        ("KRW-BTC",), parse_timeframe("1h"), start, end, traded=20, empty=3, absent=0, unknown=1,
        requests=2, rows=20, revisions=0, seconds=0.12345,
        failures={"KRW-BTC": TimedOut("too slow")}, unconfirmed=("KRW-ETH",),
    )  # fmt: skip
    people.report(report)
    assert "INCOMPLETE" in capsys.readouterr().out
    programs.report(report)
    said = json.loads(capsys.readouterr().out)
    assert said["slots"] == said["traded"] + said["empty"] + said["absent"] + said["unknown"] == 24
    assert (said["complete"], said["timeframe"], said["seconds"]) == (False, "1h", 0.123)
    assert said["failures"] == {"KRW-BTC": "too slow"}
    assert said["unconfirmed"] == ["KRW-ETH"]


def test_a_warning_is_a_sentence_without_a_path(people, capsys):
    people.warning(UserWarning("look out"), UserWarning)
    assert capsys.readouterr().err == "marketkit: warning: look out\n"


def test_what_is_printed_into_a_pipe_is_there_at_once(people, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8"))
    people.table(FRAME)
    assert b"1.5" in raw.getvalue()


def test_what_ends_nothing_says_of_what_it_is(people, programs, capsys):
    for output in (people, programs):
        output.trouble("error", "KRW-BTC 1m", TimedOut("too slow"))
    text, value = capsys.readouterr().err.splitlines()
    assert text == "KRW-BTC 1m: too slow"
    assert json.loads(value) == {"error": "TimedOut", "message": text}


def without_reader():
    """Give an output whose reader has left."""
    reads, writes = os.pipe()
    os.close(reads)
    return os.fdopen(writes, "w", encoding="utf-8")


def test_where_the_reader_has_left_the_work_goes_on_and_lines_end(people, monkeypatch):
    with without_reader() as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        people.say("one")
        people.table(FRAME)
        with pytest.raises(BrokenPipeError):
            people.lines(FRAME)
        with pytest.raises(BrokenPipeError):
            people.need_reader()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize("as_json", [False, True])
def test_an_output_that_is_full_is_an_error_of_one_sentence(monkeypatch, as_json):
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", full)
        output = Output(as_json=as_json)
        with pytest.raises(MarketkitError, match="the output cannot be written: No space left"):
            output.table(FRAME)


def test_errors_that_nobody_reads_change_nothing(people, monkeypatch):
    with without_reader() as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        people.problem(TimedOut("too slow"))
        people.warning("look out", UserWarning)


def test_a_korean_console_gets_lines_of_ascii_and_korean_names(people, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp949"))
    people.table(pl.DataFrame({"name": ["비트코인"], "n": [1]}))
    assert raw.getvalue().decode("cp949").splitlines() == [
        "name      n",
        "--------  -",
        "비트코인  1",
    ]
