"""What can be mended without guessing is mended, and the rest becomes unknown with its bytes kept."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import polars as pl
import pytest
from filelock import FileLock

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.audit.repair import REPAIR
from marketkit.data.lake.store import write as writing
from marketkit.errors import LakeError, NotWritable

SPOILING = runpy.run_path(str(Path(__file__).with_name("spoilers.py")))
SPOILERS, CHUNK, SERIES, LOG = (SPOILING[name] for name in ("SPOILERS", "CHUNK", "SERIES", "LOG"))
MINUTE, JANUARY, SLOTS = (SPOILING[name] for name in ("MINUTE", "JANUARY", "SLOTS"))
make_lake, rewritten, set_at = (SPOILING[name] for name in ("make_lake", "rewritten", "set_at"))

spoilers = pytest.mark.parametrize("spoiler", SPOILERS, ids=lambda each: each.name)
chunk_spoilers = pytest.mark.parametrize(
    "spoiler",
    [
        each
        for each in SPOILERS
        if each.path.startswith(f"{SERIES.folder}/2024") and each.action != "left"
    ],
    ids=lambda each: each.name,
)


@pytest.fixture
def root(tmp_path):
    """A sound lake that nobody has open."""
    make_lake(tmp_path / "lake")
    return tmp_path / "lake"


def kept_aside(root: Path) -> dict[str, bytes]:
    """The files that repairs have put aside, by their place in the lake."""
    folders = (root / "corrupt").glob("*")
    found = [(folder, path) for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for folder, path in found}


def slots_of(spans: Spans) -> set[int]:
    return {(at - JANUARY) // MINUTE for span in spans for at in range(*span, MINUTE)}


@spoilers
def test_nothing_is_wrong_after_a_repair_but_what_was_left(root, spoiler):
    spoiler.spoil(root)
    done = Lake(root).repair()
    assert set(done["path"]) == {spoiler.path}
    assert set(done["action"]) == {spoiler.action}
    left = done.filter(pl.col("action") == "left").drop("action")
    assert Lake(root).audit().equals(left)


@spoilers
def test_a_dry_run_says_the_same_and_changes_nothing(root, spoiler):
    spoiler.spoil(root)
    before = Lake(root).audit()
    said = Lake(root).repair(dry_run=True)
    assert Lake(root).audit().equals(before)
    assert Lake(root).repair().equals(said)


@spoilers
def test_no_bytes_are_lost(root, spoiler):
    spoiler.spoil(root)
    path = root / spoiler.path
    before = path.read_bytes() if path.is_file() else None
    Lake(root).repair()
    if spoiler.action in {"mended", "set aside"} or (spoiler.action == "remade" and before):
        assert kept_aside(root) == {spoiler.path: before}
    else:
        assert not (root / "corrupt").exists()


@chunk_spoilers
def test_what_is_left_is_what_nothing_speaks_against(root, spoiler):
    sound = Lake(root).read("KRW-BTC", "1m")
    spoiler.spoil(root)
    lake = Lake(root)
    lake.repair()
    nothing = (lambda _slot: False) if spoiler.action == "set aside" else (lambda _slot: True)
    trusted = set(filter(spoiler.slots or nothing, range(SLOTS)))
    assert slots_of(lake.covered("KRW-BTC", "1m")) == trusted
    times = [JANUARY + slot * MINUTE for slot in trusted]
    rows = sound.filter(pl.col("time").cast(pl.Int64).is_in(times))
    assert lake.read("KRW-BTC", "1m").equals(rows)


@chunk_spoilers
def test_asking_again_makes_the_lake_whole_again(root, spoiler):
    sound = Lake(root).read(None, "1m")
    spoiler.spoil(root)
    lake = Lake(root)
    lake.repair()
    rows = sound.filter(pl.col("symbol") == "KRW-BTC")
    lake.append("KRW-BTC", "1m", rows, SPOILING["covering"]())
    assert lake.read(None, "1m").equals(sound)


def test_a_sound_lake_is_left_as_it_is(root):
    done = Lake(root).repair()
    assert done.is_empty()
    assert done.schema == pl.Schema(REPAIR)


def test_where_there_is_no_lake_none_is_made(tmp_path):
    assert Lake(tmp_path / "lake").repair().is_empty()
    assert not (tmp_path / "lake").exists()


def test_a_lake_of_a_later_marketkit_is_not_touched(root):
    (root / "lake.json").write_text('{"format": 3}')
    (root / CHUNK).write_bytes(b"what this is nobody here can know")
    assert Lake(root).repair().select("path", "action").rows() == [("lake.json", "left")]
    assert (root / "lake.json").read_text() == '{"format": 3}'


def test_an_open_lake_sees_at_once_what_was_repaired(root):
    lake = Lake(root)
    lake.read(None, "1m")
    rewritten(set_at(4, low=1e6))(root)
    lake.repair()
    assert lake.read("KRW-BTC", "1m").height == 19


def test_good_revisions_outlive_a_bad_line(root):
    before = (root / LOG).read_bytes()
    (root / LOG).write_bytes(b"{}\n" + before + b'{"half')
    Lake(root).repair()
    assert (root / LOG).read_bytes() == before


def test_repair_waits_for_the_writer_of_a_series(root, monkeypatch):
    monkeypatch.setattr(writing, "_WAIT", 0.01)
    (root / CHUNK).write_bytes(b"rot")
    with FileLock(root / SERIES.lock), pytest.raises(LakeError, match="another writer has held"):
        Lake(root).repair()
    assert (root / CHUNK).read_bytes() == b"rot"


def test_a_lake_that_may_only_be_read_says_so(root, monkeypatch):
    (root / CHUNK).write_bytes(b"rot")
    monkeypatch.setattr(os, "access", lambda *_given: False)
    with pytest.raises(NotWritable):
        Lake(root).repair()
    assert (root / CHUNK).read_bytes() == b"rot"
    assert Lake(root).repair(dry_run=True)["action"].to_list() == ["set aside"]


def test_a_full_disk_is_told_and_the_broken_file_stays(root, monkeypatch):
    rewritten(pl.DataFrame.reverse)(root)
    before = (root / CHUNK).read_bytes()

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotWritable, match="No space"):
        Lake(root).repair()
    monkeypatch.undo()
    assert (root / CHUNK).read_bytes() == before
    Lake(root).repair()
    assert Lake(root).audit().is_empty()


def test_where_links_are_impossible_the_bytes_are_copied(root, monkeypatch):
    rewritten(pl.DataFrame.reverse)(root)
    before = (root / CHUNK).read_bytes()

    def refused(*_given, **_named):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    Lake(root).repair()
    assert kept_aside(root) == {CHUNK: before}
