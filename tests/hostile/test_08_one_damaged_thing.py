"""One damaged part, series lock or chunk stops one thing, and never all of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import marketkit as mk
from marketkit.data.lake import Lake
from marketkit.recording import files, journal
from marketkit.recording.holes import UNSURE
from marketkit.recording.journal import Note
from marketkit.recording.layout import hour_of
from marketkit.recording.rows import Heard, to_frame
from marketkit.sandbox import Sandbox
from marketkit.timeframe import HOUR, parse_time
from tests.unit.recording.conftest import trade

NOW = "2026-11-20T00:00:30Z"
BEFORE = parse_time("2026-11-19T05:00")
CONFIG = """
[[universe]]
symbols = ["KRW-BTC", "KRW-ETH", "KRW-XRP"]
depth = { 1m = "1d", 1h = "2d" }
"""


@pytest.fixture(scope="module")
def exchange():
    with Sandbox(seed=1, now=NOW, speed=1) as sandbox:
        yield sandbox


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0x10
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def noise(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 9)


def nothing(path: Path) -> None:
    path.write_bytes(b"")


def table_of_others(path: Path) -> None:
    pl.DataFrame({"symbol": ["KRW-BTC"], "price": [1.0]}).write_parquet(path)


def another_part(path: Path) -> None:
    path.write_bytes(next(each for each in path.parent.iterdir() if each != path).read_bytes())


DAMAGES = [flip, cut, noise, nothing, table_of_others, another_part]


@pytest.fixture
def recording(tmp_path):
    """Two hours of a recorder that was killed: a file, and three parts of the second."""
    root = tmp_path / "tape"
    root.mkdir()
    journal.write(root, [Note("began", BEFORE, streams={"trade": ["KRW-BTC"]})])
    for at, number in ((0, 1), (HOUR, 2), (HOUR + 1000, 3), (HOUR + 2000, 4)):
        hour = hour_of("trade", BEFORE + at)
        rows = to_frame("trade", [Heard(BEFORE + at, trade(number))])
        files.write_part(root, hour, number, rows)
    files.compact(root, hour_of("trade", BEFORE))
    return root


def damaged_part(recording: Path) -> Path:
    hour = hour_of("trade", BEFORE + HOUR)
    return recording / hour.folder / hour.part(3)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__)
def test_the_rest_of_a_recording_is_read_and_the_part_is_named(recording, damage):
    damage(damaged_part(recording))
    with pytest.warns(UserWarning, match=damaged_part(recording).name):
        frame = mk.read_recording(recording, "trade")
    assert frame["sequential_id"].to_list() == [1, 2, 4]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__)
def test_a_recorder_starts_over_a_damaged_part_and_says_what_is_missing(
    exchange, recording, damage
):
    part = damaged_part(recording)
    damage(part)
    content = part.read_bytes()
    with (
        mk.SmartDataProvider(endpoint=exchange.endpoint) as provider,
        provider.record("KRW-BTC", "ticker", to=recording),
    ):
        pass
    assert (recording / "corrupt" / "0" / part.relative_to(recording)).read_bytes() == content
    assert mk.read_recording(recording, "trade")["sequential_id"].to_list() == [1, 2, 4]
    holes = mk.read_interruptions(recording).filter(pl.col("reason").str.contains(part.name))
    span = holes.select(pl.col("start", "end").dt.epoch("ms")).row(0)
    assert span == (BEFORE + HOUR, BEFORE + HOUR + 2000 + UNSURE)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__)
def test_a_replay_stops_at_a_damaged_part_and_has_a_hole_there_once_it_is_mended(
    exchange, recording, damage
):
    damage(damaged_part(recording))
    with mk.SmartDataProvider(endpoint=exchange.endpoint) as provider:
        with (
            provider.watch("KRW-BTC", "trade", replay=recording, speed=0) as feed,
            pytest.raises(mk.CorruptFile, match=damaged_part(recording).name),
        ):
            list(feed)
        assert marketkit("lake", "repair", recording).returncode == 0
        with provider.watch("KRW-BTC", "trade", replay=recording, speed=0) as feed:
            assert pl.concat(feed)["sequential_id"].to_list() == [1, 2, 4]
            reasons = feed.interruptions["reason"].to_list()
    assert any(damaged_part(recording).name in reason for reason in reasons)


def test_a_damaged_line_of_the_journal_is_a_hole_and_is_mended(recording):
    journal.write(recording, [Note("resumed", BEFORE + 10), Note("resumed", BEFORE + HOUR)])
    lines = (recording / "journal.jsonl").read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"what"', b'"wha\xff')
    (recording / "journal.jsonl").write_bytes(b"".join(lines))
    expected = mk.read_interruptions(recording)
    edges = expected.select(pl.col("start", "end").dt.epoch("ms")).row(0)
    assert edges == (BEFORE, BEFORE + HOUR + UNSURE)
    assert marketkit("lake", "audit", recording).returncode == 1
    assert marketkit("lake", "repair", recording).returncode == 0
    assert marketkit("lake", "audit", recording).returncode == 0
    assert mk.read_interruptions(recording).equals(expected)


def marketkit(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "marketkit", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def backfill(exchange, tmp_path):
    """Run the backfill of a file; gives the code, the summary and the problems."""
    (tmp_path / "lake.toml").write_text(CONFIG)

    def run():
        where = ("--endpoint", exchange.endpoint, "--lake", tmp_path / "lake")
        config = ("--config", tmp_path / "lake.toml")
        done = marketkit("backfill", *config, *where, "--log-format", "json")
        return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stderr

    return run


def spoilt_chunk(root: Path) -> None:
    noise(next((root / "candles/source=upbit/timeframe=1min/series=KRW-ETH").glob("*.parquet")))


def lock_that_is_a_folder(root: Path) -> None:
    lock = root / ".locks/1min/KRW-ETH.lock"
    lock.unlink(missing_ok=True)
    lock.mkdir()
    shutil.rmtree(root / "candles/source=upbit/timeframe=1min/series=KRW-ETH")


def folder_that_is_a_file(root: Path) -> None:
    series = root / "candles/source=upbit/timeframe=1min/series=KRW-ETH"
    shutil.rmtree(series)
    series.write_bytes(b"")


SPOILERS = [spoilt_chunk, lock_that_is_a_folder, folder_that_is_a_file]


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda each: each.__name__)
def test_a_backfill_of_a_file_goes_on_with_the_other_symbols(backfill, tmp_path, spoil):
    root = tmp_path / "lake"
    code, summary, _ = backfill()
    assert (code, summary["state"]) == (0, "done")
    lake = Lake(root)
    lake.drop(["KRW-BTC", "KRW-XRP"], "1m")
    lake.drop("KRW-ETH", "1h")
    spoil(root)
    code, summary, problems = backfill()
    assert (code, summary["state"], summary["jobs"]) == (3, "incomplete", 2)
    assert summary["failures"] == 1
    assert "KRW-ETH 1m" in problems
    assert "Traceback" not in problems
    lake = Lake(root)
    for symbol, width in (("KRW-BTC", "1m"), ("KRW-XRP", "1m"), ("KRW-ETH", "1h")):
        assert lake.covered(symbol, width)
