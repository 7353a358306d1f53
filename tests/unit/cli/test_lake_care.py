"""`lake audit` and `lake repair` of recordings: found, mended, and noted as missing."""

from __future__ import annotations

import json

import pytest

from marketkit.recording import files, journal
from marketkit.recording.holes import UNSURE
from marketkit.recording.journal import Note
from marketkit.recording.layout import hour_of
from marketkit.recording.reader import read_interruptions, read_recording
from marketkit.recording.rows import Heard, to_frame
from tests.unit.recording.conftest import START, trade

HOUR = hour_of("trade", START)


@pytest.fixture
def recording(tmp_path):
    """Three parts of trades, the second of which has a flipped bit."""
    root = tmp_path / "lake" / "tapes" / "mine"
    root.mkdir(parents=True)
    journal.write(root, [Note("began", START, streams={"trade": ["KRW-BTC"]})])
    for number in (1, 2, 3):
        heard = [Heard(START + 1000 * number, trade(number))]
        files.write_part(root, HOUR, number, to_frame("trade", heard))
    journal.write(root, [Note("ended", START + 4000)])
    part = root / HOUR.folder / HOUR.part(2)
    content = bytearray(part.read_bytes())
    content[20] ^= 1
    part.write_bytes(content)
    return root


@pytest.mark.parametrize("by", ["a name", "the folder of a lake", "--lake"])
def test_a_damaged_recording_is_found_and_mended(run, tmp_path, recording, by):
    where = {
        "a name": (recording, "--lake", tmp_path / "lake"),
        "the folder of a lake": ("--lake", tmp_path / "lake"),
        "--lake": ("--lake", recording),
    }[by]
    code, out, _ = run("lake", "audit", *where, "--json")
    (found,) = json.loads(out)
    assert code == 1
    assert found["path"] == str(recording / HOUR.folder / HOUR.part(2))
    run("lake", "repair", *where, "--dry-run")
    assert run("lake", "audit", *where)[0] == 1
    code, out, _ = run("lake", "repair", *where, "--json")
    (done,) = json.loads(out)
    assert (code, done["action"]) == (0, "set aside")
    assert run("lake", "audit", *where)[0] == 0
    assert read_recording(recording, "trade")["sequential_id"].to_list() == [1, 3]
    (hole,) = read_interruptions(recording)["start", "end"].select(*_ms()).rows()
    assert hole == (START + 1000, START + 3000 + UNSURE)


def test_a_folder_that_is_no_recording_is_refused(run, tmp_path):
    code, _, err = run("lake", "repair", tmp_path, "--lake", tmp_path / "lake")
    assert code == 2
    assert "is no recording" in err


def _ms():
    import polars as pl

    return pl.col("start").dt.epoch("ms"), pl.col("end").dt.epoch("ms")
