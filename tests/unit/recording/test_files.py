"""Parts, hours, and what a kill between any two steps leaves."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack

import polars as pl
import pytest

from marketkit.errors import CorruptFile
from marketkit.exchange.upbit.messages import Ticker
from marketkit.recording import files
from marketkit.recording.layout import hour_of
from marketkit.recording.rows import Heard, to_frame
from tests.unit.recording.conftest import START, trade

HOUR_OF_TRADES = hour_of("trade", START)


def put(root, number, *trades):
    heard = [Heard(START + each, trade(each)) for each in trades]
    files.write_part(root, HOUR_OF_TRADES, number, to_frame("trade", heard))


def numbers(root):
    with ExitStack() as stack:
        rows = files.scan(root, [HOUR_OF_TRADES], stack)
        return rows.collect()["sequential_id"].to_list()


def names(root):
    return sorted(path.name for path in (root / HOUR_OF_TRADES.folder).iterdir())


def test_parts_are_read_in_order_and_a_trade_that_came_twice_is_one(tmp_path):
    put(tmp_path, 10, 3, 4, 2)
    put(tmp_path, 9, 1, 2)
    assert numbers(tmp_path) == [1, 2, 3, 4]
    assert files.hours(tmp_path, "trade") == [HOUR_OF_TRADES]
    assert files.channels(tmp_path) == ["trade"]


def test_an_hour_that_is_over_is_one_file_and_can_grow_later(tmp_path):
    put(tmp_path, 1, 1, 2)
    put(tmp_path, 2, 2, 3)
    files.compact(tmp_path, HOUR_OF_TRADES)
    assert names(tmp_path) == ["05.parquet"]
    assert numbers(tmp_path) == [1, 2, 3]
    put(tmp_path, 3, 3, 4)
    assert numbers(tmp_path) == [1, 2, 3, 4]
    files.compact(tmp_path, HOUR_OF_TRADES)
    files.compact(tmp_path, HOUR_OF_TRADES)
    assert names(tmp_path) == ["05.parquet"]
    assert numbers(tmp_path) == [1, 2, 3, 4]


def test_parts_that_a_kill_left_beside_their_file_count_once_and_go(tmp_path):
    put(tmp_path, 1, 1, 2)
    put(tmp_path, 2, 3)
    folder = tmp_path / HOUR_OF_TRADES.folder
    shutil.copytree(folder, tmp_path / "before")
    files.compact(tmp_path, HOUR_OF_TRADES)
    shutil.copytree(tmp_path / "before", folder, dirs_exist_ok=True)
    (folder / "05.parquet.77.tmp").write_bytes(b"half")
    assert numbers(tmp_path) == [1, 2, 3]
    put(tmp_path, 3, 4)
    files.compact(tmp_path, HOUR_OF_TRADES)
    assert names(tmp_path) == ["05.parquet"]
    assert numbers(tmp_path) == [1, 2, 3, 4]


def test_readers_hold_what_they_opened_while_the_hour_becomes_one_file(tmp_path):
    put(tmp_path, 1, 1)
    put(tmp_path, 2, 2)
    with ExitStack() as stack:
        rows = files.scan(tmp_path, [HOUR_OF_TRADES], stack)
        files.compact(tmp_path, HOUR_OF_TRADES)
        assert rows.collect()["sequential_id"].to_list() == [1, 2]


def test_a_file_that_is_none_of_ours_is_named_and_the_others_are_read(tmp_path):
    put(tmp_path, 1, 1, 2)
    (tmp_path / HOUR_OF_TRADES.folder / "05.parquet").write_bytes(b"PAR1 it is not")
    with pytest.warns(UserWarning, match=r"05\.parquet is left out"):
        assert numbers(tmp_path) == [1, 2]


def test_a_damaged_part_is_set_aside_and_the_hour_becomes_a_file(tmp_path):
    for number in (1, 2, 3):
        put(tmp_path, number, number)
    broken = tmp_path / HOUR_OF_TRADES.folder / HOUR_OF_TRADES.part(2)
    content = bytearray(broken.read_bytes())
    content[len(content) // 3] ^= 4
    broken.write_bytes(content)
    (damaged,) = files.compact(tmp_path, HOUR_OF_TRADES)
    assert (damaged.name, damaged.span) == (broken.name, (START + 1, START + 3))
    assert (tmp_path / files.CORRUPT / "0" / damaged.path).read_bytes() == content
    assert names(tmp_path) == ["05.parquet"]
    assert numbers(tmp_path) == [1, 3]


def test_a_footer_names_parts_of_its_own_hour_and_nothing_else_to_remove(tmp_path):
    other = hour_of("trade", START + 3_600_000)
    victim = tmp_path / "victim"
    victim.write_bytes(b"dear")
    put(tmp_path, 1, 1)
    named = ["../../victim", str(victim), "../../journal.jsonl", other.part(1), "victim"]
    said = {"marketkit": json.dumps({"parts": [*named, HOUR_OF_TRADES.part(1)]})}
    part = tmp_path / HOUR_OF_TRADES.folder / HOUR_OF_TRADES.part(1)
    pl.read_parquet(part).drop("date", "channel", strict=False).write_parquet(
        part.with_name(HOUR_OF_TRADES.file), metadata=said
    )
    (part.parent / other.part(1)).write_bytes(part.read_bytes())
    files.compact(tmp_path, HOUR_OF_TRADES)
    assert victim.read_bytes() == b"dear"
    assert names(tmp_path) == ["05.parquet", other.part(1)]


def test_nothing_is_written_or_removed_where_a_link_leads_out_of_the_recording(tmp_path):
    away, root = tmp_path / "away", tmp_path / "tape"
    away.mkdir()
    (away / "05.parquet.7.abc.tmp").write_bytes(b"dear")
    day = root / HOUR_OF_TRADES.folder
    day.parent.mkdir(parents=True)
    day.symlink_to(away)
    for work in (files.sweep, files.compact, lambda root, _: put(root, 1, 1)):
        with pytest.raises(CorruptFile, match="leads out of the recording"):
            work(root, HOUR_OF_TRADES)
    assert [path.name for path in away.iterdir()] == ["05.parquet.7.abc.tmp"]


def test_foreign_files_beside_those_of_an_hour_stay(tmp_path):
    put(tmp_path, 1, 1)
    folder = tmp_path / HOUR_OF_TRADES.folder
    kept = ["notes.tmp", "05.parquet.tmp", "06.parquet.1.aa.tmp"]
    for name in [*kept, "05.parquet.1.aa.tmp"]:
        (folder / name).write_bytes(b"")
    files.compact(tmp_path, HOUR_OF_TRADES)
    assert names(tmp_path) == sorted(["05.parquet", *kept])


def test_a_folder_with_characters_of_globs_in_its_name_is_a_folder(tmp_path):
    root = tmp_path / "tape [1] *"
    put(root, 1, 1)
    put(root, 2, 2)
    files.compact(root, HOUR_OF_TRADES)
    assert numbers(root) == [1, 2]


def test_parts_that_become_one_file_while_a_reader_opens_them_are_read_once(tmp_path, monkeypatch):
    """A recorder makes the hour's file anew, and is stopped before the part inside is removed."""
    hour = hour_of("ticker", START)
    for number in range(2):
        rows = to_frame("ticker", [Heard(START + number, Ticker("KRW-BTC", START + number, 1.0))])
        files.write_part(tmp_path, hour, number, rows)
        if not number:
            files.compact(tmp_path, hour)
    real, names = files.looked, []

    def looked(root, hour, name):
        seen = real(root, hour, name)
        names.append(name)
        if len(names) == 2:  # the hour's file and the part
            with monkeypatch.context() as patch:
                patch.setattr(files, "remove", lambda _: None)
                files.compact(root, hour)
        return seen

    monkeypatch.setattr(files, "looked", looked)
    with ExitStack() as stack:
        found = files.scan(tmp_path, [hour], stack).collect()
    assert found["received"].dt.epoch("ms").to_list() == [START, START + 1]
