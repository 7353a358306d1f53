"""`marketkit record`: how it waits, and how it says what was recorded."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from marketkit.cli.commands import record
from marketkit.cli.output import Output
from marketkit.errors import TimedOut
from marketkit.net.handle import Interruption, interruption_frame


@pytest.mark.parametrize("wrong", [("--to", "tape", "--max-time", "0s"), ()])
def test_a_folder_is_needed_and_a_time_is_above_zero(run, wrong):
    with pytest.raises(SystemExit) as ended:
        run("record", "KRW-BTC", *wrong)
    assert ended.value.code == 2


def test_a_time_ends_the_wait_and_now_and_then_a_line_is_said(monkeypatch, capsys):
    monkeypatch.setattr(record, "_SAY_EVERY", 0.02)
    began = time.monotonic()
    record._wait("a recording", began + 0.1, Output(as_json=False))
    assert time.monotonic() - began >= 0.1
    assert capsys.readouterr().out.splitlines().count("'a recording'") >= 2


def test_the_last_words_are_the_counts_and_the_losses(capsys):
    recording = SimpleNamespace(
        folder=Path("tape"),
        counts={"trade": 3},
        interruptions=interruption_frame([Interruption(0, 1000, "silence")]),
        lost=2,
        errors=[TimedOut("slow")],
    )
    record._say(recording, Output(as_json=True))
    assert json.loads(capsys.readouterr().out) == {
        "folder": "tape", "counts": {"trade": 3}, "interruptions": 1, "lost": 2, "errors": ["slow"],
    }  # fmt: skip
