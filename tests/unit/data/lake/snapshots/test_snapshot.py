"""Frozen sets."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.snapshots import linking, snapshot
from marketkit.disk import sha256
from marketkit.errors import (
    CorruptFile,
    Incomplete,
    InputError,
    LakeError,
    NewerFormat,
    NotWritable,
)
from marketkit.schema import ROW, empty
from marketkit.timeframe import TIMEFRAMES

MINUTE = 60_000
NOTHING = empty(ROW), Spans()
APPENDER = Path(__file__).parents[1] / "appender.py"


@pytest.fixture
def filled(lake, candles, january):
    """Two markets with the minutes around the start of a month, one of them with an hour."""
    for symbol in ("KRW-BTC", "KRW-ETH"):
        covering = Spans([(january - 5 * MINUTE, january + 5 * MINUTE)])
        rows = candles([january - MINUTE, january], symbol=symbol)
        lake.append(symbol, "1m", rows, covering, nothing_before=january - 5 * MINUTE)
    lake.append("KRW-BTC", "1h", candles([january]), Spans([(january, january + 60 * MINUTE)]))
    return lake


@pytest.fixture
def write(filled, candles, january):
    """Append a minute with this close to a market, at a slot that it has."""

    def write(close: float, symbol: str = "KRW-BTC") -> None:
        rows = candles([january], symbol=symbol, close=close)
        filled.append(symbol, "1m", rows, Spans([(january, january + MINUTE)]))

    return write


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def set_of(lake: Lake, name: str) -> Path:
    return lake.root / "snapshots" / name


def frame_bytes(lake: Lake, timeframe: str = "1m") -> bytes:
    return lake.read(None, timeframe).write_ipc(None).getvalue()


def flip(path: Path, at: int = 100) -> None:
    """Change a bit of a file where it stands, as a failing disk does."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    with path.open("r+b") as file:
        file.write(content)


def test_a_frozen_set_is_said_to_be_what_was_there(filled):
    frozen = filled.freeze("study-1")
    catalog = filled.catalog()
    assert (frozen.name, frozen.files, frozen.rows) == ("study-1", 5, 5)
    assert frozen.bytes == catalog["bytes"].sum()
    listed = filled.frozen()
    assert listed.schema == pl.Schema(snapshot.SETS)
    assert listed.select("name", "files", "rows", "bytes", "hash").rows() == [
        ("study-1", 5, 5, frozen.bytes, frozen.hash)
    ]
    assert listed["created"].cast(pl.Int64).to_list() == [frozen.created]


def test_sets_are_listed_in_the_order_in_which_they_were_made(filled, write):
    for number, name in enumerate(("b", "a", "c")):
        write(float(200 + number))
        filled.freeze(name)
    assert filled.frozen()["name"].to_list() == ["b", "a", "c"]
    assert filled.frozen()["hash"].n_unique() == 3


def test_the_same_candles_have_the_same_hash(filled):
    assert filled.freeze("a").hash == filled.freeze("b").hash


def test_a_set_takes_no_room(filled):
    filled.freeze("a")
    for path, content in files_of(set_of(filled, "a")).items():
        if path.endswith(".parquet"):
            assert (set_of(filled, "a") / path).samefile(filled.root / path), content


def test_no_later_write_changes_a_set(filled, write, candles, january):
    frame, known = frame_bytes(filled), filled.covered("KRW-BTC", "1m")
    filled.freeze("a")
    before = files_of(set_of(filled, "a"))
    for number in range(5):
        write(float(200 + number))
    more = Spans([(january + 5 * MINUTE, january + 60 * MINUTE)])
    filled.append("KRW-BTC", "1m", candles([january + 7 * MINUTE]), more)
    filled.append("KRW-XRP", "1m", empty(ROW), more)
    assert frame_bytes(filled) != frame
    assert files_of(set_of(filled, "a")) == before
    old = filled.as_of("a")
    assert frame_bytes(old) == frame
    assert old.covered("KRW-BTC", "1m") == known
    assert old.catalog()["symbol"].to_list() == ["KRW-BTC", "KRW-ETH", "KRW-BTC"]
    assert filled.verify("a").is_empty()


def test_a_set_knows_what_the_lake_knew(filled, january):
    catalog, coverage, gaps = filled.catalog(), filled.coverage(), filled.gaps()
    filled.freeze("a")
    old = filled.as_of("a")
    assert old.catalog().equals(catalog)
    assert old.coverage().equals(coverage)
    assert old.gaps().equals(gaps)
    assert old.nothing_before("KRW-BTC", "1m") == january - 5 * MINUTE
    assert old.scan("KRW-ETH", "1m").collect().equals(filled.read("KRW-ETH", "1m"))
    assert old.read("KRW-NONE", "1m").is_empty()


def test_a_set_and_what_is_thawed_from_it_say_what_a_beginning_rests_on(filled, january, tmp_path):
    at = january - 5 * MINUTE
    filled.append("KRW-BTC", "1m", *NOTHING, nothing_before=at, rests_on="months")
    filled.freeze("a")
    words = ["months", "one answer", None]
    assert filled.as_of("a").catalog()["rests_on"].to_list() == words
    assert filled.verify("a").is_empty()
    assert filled.thaw("a", tmp_path / "new").catalog()["rests_on"].to_list() == words


@pytest.mark.parametrize(("word", "sound"), [(None, True), ("two answers", False)])
def test_only_a_manifest_that_claims_better_evidence_than_the_file_is_told_of(
    filled, january, word, sound
):
    at = january - 5 * MINUTE
    filled.append("KRW-BTC", "1m", *NOTHING, nothing_before=at, rests_on="months")
    filled.freeze("a")
    path = set_of(filled, "a") / "manifest.json"
    said = json.loads(path.read_text())
    for each in said["files"]:
        if each["nothing_before"] is not None:
            each["rests_on"] = word
    path.write_text(json.dumps(said))
    assert filled.verify("a").is_empty() is sound


def test_looking_into_a_set_writes_nothing_there(filled):
    filled.freeze("a")
    before = files_of(set_of(filled, "a"))
    old = filled.as_of("a")
    assert old.latest(count=1)["close"].to_list() == [100.0, 100.0]
    for ask in (old.catalog, old.coverage, old.calendar, old.gaps, old.revisions, old.frozen):
        ask()
    assert files_of(set_of(filled, "a")) == before


def test_a_set_takes_no_writes(filled, candles, january):
    filled.freeze("a")
    before = files_of(filled.root / "snapshots")
    for lake in (filled.as_of("a"), Lake(set_of(filled, "a"))):
        with pytest.raises(NotWritable, match="frozen"):
            lake.append("KRW-BTC", "1m", candles([january]), Spans([(january, january + MINUTE)]))
        with pytest.raises(NotWritable, match="frozen"):
            lake.require_writable()
    with pytest.raises(NotWritable, match="frozen"):
        filled.as_of("a").freeze("b")
    assert files_of(filled.root / "snapshots") == before


def test_every_source_of_a_lake_is_frozen_with_it(filled, candles, january):
    other = Lake(filled.root, source="other")
    other.append("KRW-BTC", "1m", candles([january]), Spans([(january, january + MINUTE)]))
    assert filled.freeze("a").files == 6
    assert other.as_of("a").read(None, "1m").height == 1
    assert filled.as_of("a").read(None, "1m").height == 4


def test_a_name_is_taken_once(filled, write):
    filled.freeze("a")
    before = files_of(set_of(filled, "a"))
    write(200.0)
    with pytest.raises(InputError, match="'a' already"):
        filled.freeze("a")
    assert files_of(set_of(filled, "a")) == before
    assert snapshot.litter(filled.root) == []


@pytest.mark.parametrize("name", ["", ".", "..", ".a", "a/b", "../a", "a b", "a.", "x" * 101, 7])
def test_a_name_that_could_be_no_folder_is_refused(filled, name):
    with pytest.raises(InputError, match="cannot name"):
        filled.freeze(name)
    assert filled.frozen().is_empty()


@pytest.mark.parametrize("method", ["verify", "as_of", "delete", "cite", "publish"])
def test_an_unknown_name_is_refused_with_the_nearest(filled, method):
    if method == "publish":
        pytest.importorskip("deltalake")
    filled.freeze("study-2024")
    for name, hint in (("study-2025", "did you mean 'study-2024'"), ("../candles", "no frozen")):
        with pytest.raises(InputError, match=hint):
            getattr(filled, method)(name)


def test_nothing_cannot_be_frozen_and_leaves_no_trace(lake):
    with pytest.raises(InputError, match="no candles"):
        lake.freeze("a")
    assert lake.frozen().equals(empty(snapshot.SETS))
    assert not lake.root.exists()


def test_a_corrupt_lake_is_not_frozen(filled):
    for path in filled.root.glob("candles/**/*.parquet"):
        path.write_bytes(b"rot")
    with pytest.raises(CorruptFile, match="parquet"):
        filled.freeze("a")
    assert filled.frozen().is_empty()


def test_a_corrupt_series_is_no_part_of_a_set(filled):
    next(filled.root.glob("candles/**/series=KRW-ETH/2024-01.parquet")).write_bytes(b"rot")
    with pytest.warns(Incomplete, match="KRW-ETH 1m"):
        filled.freeze("a")
    kept = filled.as_of("a").catalog()
    assert "KRW-ETH" not in kept.filter(timeframe="1m")["symbol"]
    assert kept.height
    assert filled.verify("a").is_empty()


def test_a_newer_lake_is_not_frozen(filled):
    (filled.root / "lake.json").write_text('{"format": 3}')
    for call in (lambda: filled.freeze("a"), filled.frozen):
        with pytest.raises(NewerFormat):
            call()


def test_hashes_that_are_not_known_are_learned(filled):
    for path in filled.root.glob("index.sqlite*"):
        path.unlink()
    lake = Lake(filled.root)
    (series,) = lake.index.stored("upbit", TIMEFRAMES["1h"])
    assert [entry.sha256 for entry in lake.index.entries(series)] == [None]
    first = lake.freeze("a")
    (entry,) = lake.index.entries(series)
    assert entry.sha256 == sha256(lake.root / series.path(entry.chunk))
    assert Lake(filled.root).freeze("b").hash == first.hash


def test_a_file_that_is_replaced_before_it_is_linked_is_kept_with_its_own_hash(
    filled, write, monkeypatch
):
    real = linking.link

    def late(path: str, target: str) -> None:
        if path.endswith("series=KRW-BTC/2024-01.parquet"):
            write(200.0)
        real(path, target)

    monkeypatch.setattr(linking, "link", late)
    filled.freeze("a")
    monkeypatch.undo()
    assert filled.verify("a").is_empty()
    assert filled.as_of("a").read("KRW-BTC", "1m")["close"].to_list() == [100.0, 200.0]
    assert Lake(filled.root).freeze("b").hash == filled.frozen()["hash"][0]


def test_a_file_that_goes_before_it_is_linked_is_not_kept(filled, monkeypatch):
    real = linking.link

    def late(path: str, target: str) -> None:
        if path.endswith("series=KRW-ETH/2024-01.parquet"):
            Path(path).unlink()
        real(path, target)

    monkeypatch.setattr(linking, "link", late)
    assert filled.freeze("a").files == 4
    assert filled.verify("a").is_empty()


def no_links(path: object, target: object) -> None:
    raise OSError(errno.EPERM, "no links here")


def test_where_there_are_no_links_files_are_copied(filled, write, monkeypatch):
    frame = frame_bytes(filled)
    linked = filled.freeze("linked")
    monkeypatch.setattr(os, "link", no_links)
    copied = filled.freeze("copied")
    assert copied.hash == linked.hash
    assert filled.verify("copied").is_empty()
    path = "candles/source=upbit/timeframe=1min/series=KRW-BTC/2024-01.parquet"
    assert not (set_of(filled, "copied") / path).samefile(filled.root / path)
    write(200.0)
    assert frame_bytes(filled.as_of("copied")) == frame


@pytest.mark.parametrize("step", ["link", "fsync", "mkdir"])
def test_a_disk_that_is_full_leaves_nothing_half_frozen(filled, monkeypatch, step):
    filled.freeze("kept")

    def full(*_arguments: object, **_more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full)
    if step == "link":
        monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(NotWritable, match="No space left"):
        filled.freeze("a")
    monkeypatch.undo()
    assert filled.frozen()["name"].to_list() == ["kept"]
    assert snapshot.litter(filled.root) == []
    filled.freeze("a")
    assert filled.verify("a").is_empty()


def test_a_lake_that_may_only_be_read_is_not_frozen_and_its_sets_are_read(filled, monkeypatch):
    filled.freeze("a")
    monkeypatch.setattr(os, "access", lambda *_: False)
    for call in (lambda: filled.freeze("b"), lambda: filled.delete("a")):
        with pytest.raises(NotWritable, match="may only be read"):
            call()
    assert filled.frozen()["name"].to_list() == ["a"]
    assert filled.verify("a").is_empty()
    assert filled.as_of("a").read(None, "1m").height == 4


def test_what_the_dead_left_is_no_set_and_is_swept_by_the_next(filled):
    filled.freeze("a")
    half = set_of(filled, ".0123456789abcdef.tmp")
    shutil.copytree(set_of(filled, "a"), half)
    assert snapshot.litter(filled.root) == [half]
    assert filled.frozen()["name"].to_list() == ["a"]
    filled.freeze("b")
    assert snapshot.litter(filled.root) == []
    assert filled.frozen().height == 2


def test_what_is_no_folder_is_no_set(filled):
    filled.freeze("a")
    (filled.root / "snapshots" / "notes").write_text("mine")
    assert filled.frozen()["name"].to_list() == ["a"]


def test_one_freezes_at_a_time(filled, monkeypatch):
    monkeypatch.setattr(snapshot, "_WAIT", 0.05)
    with (
        snapshot.keeping(filled.root),
        pytest.raises(LakeError, match=r"another has held .*snapshots\.lock"),
    ):
        filled.freeze("a")
    filled.freeze("a")


def test_a_set_frozen_while_another_process_writes_is_intact(filled):
    command = [sys.executable, str(APPENDER), str(filled.root), "pages", "0", "1", "60"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, env=environment) as writer:
        number = 0
        while writer.poll() is None:
            filled.freeze(f"set-{number}")
            number += 1
    assert writer.returncode == 0
    for name in filled.frozen()["name"]:
        assert filled.verify(name).is_empty()
        old = filled.as_of(name)
        times = old.read("KRW-BTC", "1m")["time"].cast(pl.Int64)
        assert all(time in old.covered("KRW-BTC", "1m") for time in times)


def test_one_flipped_bit_is_found(filled):
    filled.freeze("a")
    path = (
        set_of(filled, "a") / "candles/source=upbit/timeframe=1min/series=KRW-ETH/2024-01.parquet"
    )
    flip(path)
    broken = filled.verify("a")
    assert broken.schema == pl.Schema(snapshot.PROBLEMS)
    assert broken["path"].to_list() == [path.relative_to(set_of(filled, "a")).as_posix()]
    assert "not those that were frozen" in broken["problem"][0]


def test_rot_before_the_freeze_is_found_too(filled, january):
    path = filled.root / "candles/source=upbit/timeframe=1min/series=KRW-ETH/2024-01.parquet"
    stat = path.stat()
    flip(path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.warns(Incomplete, match=r"series=KRW-ETH/2024-01\.parquet"):
        filled.freeze("a")
    assert filled.verify("a").is_empty()
    assert not filled.as_of("a").covered("KRW-ETH", "1m")
    assert not filled.covered("KRW-ETH", "1m").clip(january, january + MINUTE)
    assert next((filled.root / "corrupt").rglob("2024-01.parquet")).stat().st_size == stat.st_size
    filled.freeze("b")
    assert filled.verify("b").is_empty()


def test_missing_and_extra_files_are_found(filled):
    filled.freeze("a")
    folder = set_of(filled, "a") / "candles/source=upbit/timeframe=1min/series=KRW-BTC"
    (folder / "2024-01.parquet").rename(folder / "2024-02.parquet")
    problems = dict(filled.verify("a").rows())
    assert {Path(path).name: problem for path, problem in problems.items()} == {
        "2024-01.parquet": "is missing",
        "2024-02.parquet": "is not in the manifest",
    }


def test_a_missing_file_spoils_its_series_and_no_other(filled):
    filled.freeze("a")
    shutil.rmtree(set_of(filled, "a") / "candles/source=upbit/timeframe=1min/series=KRW-BTC")
    old = filled.as_of("a")
    assert old.read("KRW-ETH", "1m").height == 2
    with pytest.raises(CorruptFile, match="KRW-BTC"):
        old.read("KRW-BTC", "1m")
    with pytest.warns(Incomplete, match="KRW-BTC 1m"):
        assert old.read(None, "1m").height == 2


@pytest.mark.parametrize(
    ("said", "instead"),
    [('"rows":1', '"rows":2'), ('"name": "a"', '"name": "b"'), ('"size":', '"size":1')],
)
def test_a_manifest_that_says_what_the_files_do_not_is_found(filled, said, instead):
    filled.freeze("a")
    path = set_of(filled, "a") / "manifest.json"
    path.write_text(path.read_text().replace(said, instead, 1))
    assert filled.verify("a").height == 1


@pytest.mark.parametrize("content", [b"", b"{}", None])
def test_a_broken_manifest_is_found_and_hides_no_other_set(filled, content):
    filled.freeze("a")
    filled.freeze("b")
    path = set_of(filled, "a") / "manifest.json"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    assert filled.verify("a")["path"].to_list() == ["manifest.json"]
    assert filled.frozen().select("name", "files").rows() == [("b", 5), ("a", None)]
    for call in (filled.as_of, filled.cite):
        with pytest.raises(CorruptFile, match=r"manifest\.json"):
            call("a")
    with pytest.raises(InputError, match="already"):
        filled.freeze("a")
    filled.delete("a")
    assert filled.frozen()["name"].to_list() == ["b"]


def test_a_thawed_set_is_a_lake_of_its_own(filled, write, candles, january, tmp_path):
    frame = frame_bytes(filled)
    filled.freeze("a")
    write(200.0)
    new = filled.thaw("a", tmp_path / "deep" / "new")
    assert frame_bytes(new) == frame
    assert new.covered("KRW-BTC", "1m") == filled.as_of("a").covered("KRW-BTC", "1m")
    assert (new.root / "lake.json").exists()
    assert not (new.root / "manifest.json").exists()
    new.append(
        "KRW-BTC", "1m", candles([january], close=300.0), Spans([(january, january + MINUTE)])
    )
    assert new.read("KRW-BTC", "1m")["close"].to_list() == [100.0, 300.0]
    assert filled.read("KRW-BTC", "1m")["close"].to_list() == [100.0, 200.0]
    assert filled.verify("a").is_empty()
    assert [each.name for each in new.root.parent.iterdir()] == ["new"]


def test_a_set_is_thawed_into_an_empty_folder_and_no_other(filled, tmp_path):
    filled.freeze("a")
    empty_one, full = tmp_path / "empty", tmp_path / "full"
    empty_one.mkdir()
    assert filled.thaw("a", empty_one).read(None, "1m").height == 4
    full.mkdir()
    (full / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for into in (full, tmp_path / "file", empty_one):
        with pytest.raises(InputError, match="is there already"):
            filled.thaw("a", into)
    with pytest.raises(InputError, match="inside the lake"):
        filled.thaw("a", filled.root / "new")
    assert [each.name for each in full.iterdir()] == ["notes.txt"]


def test_a_broken_set_is_not_thawed(filled, tmp_path):
    filled.freeze("a")
    flip(next(set_of(filled, "a").glob("candles/**/2024-01.parquet")))
    with pytest.raises(CorruptFile, match=r"a is not as it was frozen: .*2024-01\.parquet"):
        filled.thaw("a", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_thawing_onto_a_full_disk_leaves_nothing(filled, tmp_path, monkeypatch):
    filled.freeze("a")
    (tmp_path / "there").mkdir()

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotWritable, match="No space left"):
        filled.thaw("a", tmp_path / "there" / "new")
    assert list((tmp_path / "there").iterdir()) == []


def test_a_deleted_set_is_gone_and_the_lake_is_not(filled):
    frame = frame_bytes(filled)
    filled.freeze("a")
    filled.freeze("b")
    filled.delete("a")
    assert filled.frozen()["name"].to_list() == ["b"]
    assert not set_of(filled, "a").exists()
    assert snapshot.litter(filled.root) == []
    assert frame_bytes(filled) == frame
    assert filled.verify("b").is_empty()
    filled.freeze("a")


def test_anybody_can_work_out_the_hash_without_marketkit(filled):
    frozen = filled.freeze("a")
    command = (
        "find candles/source=* -name '*.parquet' | LC_ALL=C sort | xargs sha256sum | sha256sum"
    )
    if not shutil.which("sha256sum"):
        pytest.skip("this system has no sha256sum")
    done = subprocess.run(
        ["sh", "-c", command], cwd=set_of(filled, "a"), capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[0] == frozen.hash
    assert frozen.hash in filled.cite("a")


def test_the_hash_of_each_file_is_that_of_its_bytes(filled):
    filled.freeze("a")
    text = (set_of(filled, "a") / "manifest.json").read_text()
    for path, content in files_of(set_of(filled, "a")).items():
        if path.endswith(".parquet"):
            assert hashlib.sha256(content).hexdigest() in text
