"""Every end of a command has its exit code."""

from __future__ import annotations

import errno
import io
import json
import sys

import pytest

from marketkit.cli.main import main

RAISING = """
import polars as pl
from marketkit import errors
from marketkit.cli.command import Command


def _run(options, output):
    raise {}


COMMAND = Command("raising", "Raise an error.", _run)
"""


@pytest.fixture
def raising(made_up, run):
    def command(error: str, *arguments: str) -> tuple[int, str, str]:
        made_up("raising", RAISING.format(error))
        return run("raising", *arguments)

    return command


def test_a_failure_is_1_and_one_sentence(raising):
    assert raising("errors.TimedOut('too slow')") == (1, "", "marketkit: too slow\n")


def test_bad_usage_is_2_and_one_sentence(raising):
    code, out, err = raising("errors.InputError('no such thing')", "--json")
    assert (code, out) == (2, "")
    assert json.loads(err) == {"error": "InputError", "message": "no such thing"}


def test_a_part_of_the_answer_is_printed_and_3(raising):
    partial = "errors.PartialResult(pl.DataFrame({'n': [1]}), {'KRW-ETH': errors.TimedOut('slow')})"
    code, out, err = raising(partial, "--json")
    assert code == 3
    assert json.loads(out) == [{"n": 1}]
    assert "KRW-ETH: slow" in json.loads(err)["message"]


def test_ctrl_c_is_130_without_a_word(raising):
    assert raising("KeyboardInterrupt") == (130, "", "")


def test_a_reader_that_has_seen_enough_is_no_failure(raising, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert raising("BrokenPipeError")[0] == 0


def test_a_mistake_of_ours_is_not_hidden(raising):
    with pytest.raises(ZeroDivisionError):
        raising("ZeroDivisionError")


def test_a_mistake_of_ours_is_one_line_where_every_line_is_json(raising):
    code, out, err = raising("ZeroDivisionError('no')", "--json")
    assert (code, out) == (1, "")
    said = json.loads(err)
    assert said["error"] == "ZeroDivisionError"
    assert "Traceback" in said["message"]


def test_a_part_of_the_answer_that_cannot_be_written_is_a_failure(raising, monkeypatch):
    partial = "errors.PartialResult(pl.DataFrame({'n': [1]}), {'KRW-ETH': errors.TimedOut('slow')})"

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    stream = io.StringIO()
    stream.write = full
    monkeypatch.setattr(sys, "stdout", stream)
    code, _, err = raising(partial)
    assert (code, err) == (1, "marketkit: the output cannot be written: No space left on device\n")


def test_the_arguments_of_the_process_are_the_default(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["marketkit", "lake", "ls", "--json"])
    assert main() == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.filterwarnings("default")
def test_a_warning_is_one_line(made_up, run):
    made_up(
        "raising",
        RAISING.replace("raise {}", "import warnings; warnings.warn('look out'); return 0"),
    )
    code, _, err = run("raising")
    assert (code, err) == (0, "marketkit: warning: look out\n")
