"""Warnings of loggers are lines of JSON, where nothing else may be."""

from __future__ import annotations

import json
import logging

from marketkit.cli.log import as_lines
from marketkit.cli.output import Output

LOGGER = logging.getLogger("made-up")


def test_a_warning_that_no_handler_takes_is_a_line_of_json(capsys, monkeypatch):
    monkeypatch.setattr(LOGGER, "propagate", False)  # pytest's own handlers are at the root
    before = logging.lastResort
    with as_lines(Output(as_json=True)):
        LOGGER.warning("two\nlines of %s", "비트코인")
        LOGGER.info("nothing")
    assert json.loads(capsys.readouterr().err) == {
        "warning": "made-up",
        "message": "two\nlines of 비트코인",
    }
    assert logging.lastResort is before
