"""Reads through images: the same rows, whatever is done to the folder of images."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import polars as pl
import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.lake.read.fill import closed
from marketkit.data.lake.store.scan import count, read_times
from marketkit.data.lake.tier import folder as folders
from marketkit.data.lake.tier import tier
from marketkit.data.lake.tier.folder import images
from marketkit.data.lake.tier.image import Source, Version, open_image, write
from marketkit.errors import CorruptFile
from marketkit.window import EVER
from tests.waiting import PATIENCE

MINUTE = 60_000


@pytest.fixture(autouse=True)
def _nothing_mapped():
    tier.drop_maps()
    folders._is_usable.cache_clear()
    yield
    assert tier.wait(PATIENCE)


@pytest.fixture
def rows(lake, chunk) -> pl.DataFrame:
    return pl.read_parquet(chunk)


def made() -> list[str]:
    """Name the images there are."""
    return sorted(path.name for path in images().rglob("*.arrow"))


def mapped(chunk) -> bool:
    """Say whether this process has an image of a chunk in use."""
    return tier._maps.get(Version.of(chunk, chunk.stat())) is not None


def test_the_second_read_makes_an_image_and_the_third_uses_it(lake, chunk, rows):
    assert lake.read("KRW-BTC", "1m").equals(rows)
    assert tier.wait(PATIENCE)
    assert made() == []
    assert lake.read("KRW-BTC", "1m").equals(rows)
    assert tier.wait(PATIENCE)
    assert len(made()) == 1
    assert not mapped(chunk)
    assert lake.read("KRW-BTC", "1m").equals(rows)
    assert mapped(chunk)


def test_warming_makes_images_at_once(lake, chunk, rows, january):
    assert lake.warm("KRW-BTC", "1m", january, january + MINUTE) == 1
    assert lake.warm() == 1
    assert len(made()) == 1
    assert lake.read("KRW-BTC", "1m").equals(rows)
    assert lake.warm("KRW-ETH", "1m") == lake.warm("KRW-BTC", "1h") == 0


def test_a_file_that_goes_meanwhile_stops_no_warming(lake, chunk):
    assert tier.warm([chunk.with_name("2000-01.parquet"), chunk], {}) == (1, [])


def test_without_images_nothing_is_kept_and_nothing_differs(lake, rows, monkeypatch):
    monkeypatch.setenv("MARKETKIT_TIER", "off")
    for _ in range(3):
        assert lake.read("KRW-BTC", "1m").equals(rows)
    assert lake.warm() == 0
    monkeypatch.delenv("MARKETKIT_TIER")
    assert made() == []


def test_a_part_of_a_chunk_is_a_view_into_the_image(lake, chunk, rows, january):
    lake.warm()
    for start, end in [(0, 100), (-5, 3), (3, 4), (50, 999), (7, 7), (100, 200), (-9, 0)]:
        window = (january + start * MINUTE, january + end * MINUTE)
        expected = rows[max(0, start) : max(0, min(end, 100))]
        assert lake.read("KRW-BTC", "1m", *window).equals(expected)
        assert lake.scan("KRW-BTC", "1m", *window).collect().equals(expected)
    assert mapped(chunk)


def test_to_count_candles_and_to_read_times_no_column_of_symbols_is_made(
    lake, rows, january, monkeypatch
):
    """A job that has counted fifty markets kept 36 MB of their names."""
    lake.warm()
    monkeypatch.setattr(tier, "_symbols", None)  # whoever asks for a column fails
    files = lake.select("KRW-BTC", "1m").files
    for start, end in [(0, 100), (3, 60), (100, 200), (-9, 0)]:
        window = Span(january + start * MINUTE, january + end * MINUTE)
        expected = rows["time"][max(0, start) : max(0, min(end, 100))]
        assert count(files(window)) == len(expected)
        assert read_times(files(window)).equals(expected)
    with pytest.raises(AttributeError):
        lake.read("KRW-BTC", "1m")


def test_to_count_candles_again_and_again_makes_no_image(lake, chunk, rows):
    files = lake.select("KRW-BTC", "1m").files(EVER)
    for _ in range(3):
        assert count(files) == rows.height
        assert tier.wait(PATIENCE)
    assert made() == []


def test_a_chunk_that_changed_is_read_as_it_is(lake, chunk, candles, january):
    lake.warm()
    more = candles([january + 500 * MINUTE], close=7.0)
    lake.append("KRW-BTC", "1m", more, Spans([(january + 500 * MINUTE, january + 501 * MINUTE)]))
    assert lake.read("KRW-BTC", "1m")["close"].to_list() == [100.0] * 100 + [7.0]
    assert not mapped(chunk)


def test_chunks_with_images_and_chunks_without_come_in_order(lake, candles):
    months = [1_704_067_200_000 + month * 31 * 1440 * MINUTE for month in range(4)]
    for symbol in ("KRW-BTC", "KRW-ETH"):
        for start in months:
            page = candles(range(start, start + 5 * MINUTE, MINUTE), symbol=symbol)
            lake.append(symbol, "1m", page, Spans([(start, start + 5 * MINUTE)]))
    everything = lake.read(None, "1m")
    lake.warm("KRW-BTC", "1m", months[1], months[2])
    lake.warm("KRW-ETH", "1m", months[3])
    assert 0 < len(made()) < 8
    found = tier.find(lake.select(None, "1m").files(EVER).paths)
    assert found.present
    assert not found.whole
    assert lake.read(None, "1m").equals(everything)
    part = (months[0] + 2 * MINUTE, months[3] + 2 * MINUTE)
    expected = everything.filter(pl.col("time").dt.epoch("ms").is_between(*part, closed="left"))
    assert lake.read(None, "1m", *part).equals(expected)


def test_a_damaged_chunk_without_an_image_is_told_of_beside_one_that_has_one(lake, candles):
    months = [1_704_067_200_000, 1_706_745_600_000]
    for start in months:
        page = candles(range(start, start + 5 * MINUTE, MINUTE))
        lake.append("KRW-BTC", "1m", page, Spans([(start, start + 5 * MINUTE)]))
    lake.warm("KRW-BTC", "1m", months[1])
    path = next(lake.root.glob("candles/*/*/*/2024-01.parquet"))
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptFile, match="2024-01"):
        lake.read("KRW-BTC", "1m")


def test_a_chunk_that_rots_after_its_image_was_made_is_found_by_the_next_read(lake, chunk):
    lake.warm()
    stat = chunk.stat()
    content = bytearray(chunk.read_bytes())
    content[40] ^= 1
    with chunk.open("r+b") as file:
        file.write(content)
    os.utime(chunk, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as if nothing had happened
    with pytest.raises(CorruptFile):
        lake.read("KRW-BTC", "1m")


def test_another_file_with_the_stamp_of_a_young_one_is_no_such_chunk(lake, chunk, candles, january):
    lake.warm()
    (name,) = made()
    path = next(images().rglob(name))
    tier.drop_maps()
    version = Version.of(chunk, chunk.stat())
    assert tier._map(images(), chunk, version) is not None
    page = candles([january], close=3.0)
    lake.append("KRW-BTC", "1m", page, Spans([(january, january + MINUTE)]))
    # What a coarse clock would do: the old image has the name and the times of the new file.
    told = Version.of(chunk, chunk.stat())
    source = open_image(path).source
    old = open_image(path).frame
    target = images() / told.name
    with target.open("wb") as file:
        write(old, Source(told, "KRW-BTC", source.seal, young=True), file)
    assert lake.read("KRW-BTC", "1m")["close"][0] == 3.0


@pytest.mark.parametrize("how", ["short", "empty", "garbage", "block"])
def test_an_image_that_is_none_is_removed_and_the_chunk_is_read(lake, rows, how):
    lake.warm()
    tier.drop_maps()
    path = next(images().rglob("*.arrow"))
    content = path.read_bytes()
    start = content.index(b"marketkit1")
    spoilt = {
        "short": content[:-100],
        "empty": b"",
        "garbage": os.urandom(500),
        "block": content[: start + 30] + b"#" + content[start + 31 :],
    }
    path.unlink()
    path.write_bytes(spoilt[how])
    assert lake.read("KRW-BTC", "1m").equals(rows)
    assert not path.exists()


def test_the_cache_folder_may_go_in_the_midst_of_reads(lake, rows):
    lake.warm()
    first = lake.read("KRW-BTC", "1m")
    shutil.rmtree(images().parent)
    assert first.equals(rows)
    assert lake.read("KRW-BTC", "1m").equals(rows)  # of the map
    tier.drop_maps()
    for _ in range(3):
        assert lake.read("KRW-BTC", "1m").equals(rows)
    assert tier.wait(PATIENCE)
    assert len(made()) == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do all")
def test_a_cache_that_may_only_be_read_is_read(lake, rows):
    lake.warm()
    tier.drop_maps()
    images().chmod(0o500)
    assert lake.read("KRW-BTC", "1m").equals(rows)


def test_a_cache_that_is_no_folder_changes_nothing(lake, rows, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("MARKETKIT_CACHE", str(tmp_path / "file"))
    for _ in range(3):
        assert lake.read("KRW-BTC", "1m").equals(rows)
    assert tier.wait(PATIENCE)
    assert lake.warm() == 0


def test_a_full_disk_is_no_reason_to_fail(lake, rows, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("marketkit.data.lake.tier.builder.write_atomic", full)
    assert lake.warm() == 0
    for _ in range(3):
        assert lake.read("KRW-BTC", "1m").equals(rows)
    assert tier.wait(PATIENCE)


def test_images_never_take_more_than_their_room(lake, candles, monkeypatch):
    months = [1_704_067_200_000 + month * 31 * 1440 * MINUTE for month in range(6)]
    for start in months:
        page = candles(range(start, start + 1000 * MINUTE, MINUTE))
        lake.append("KRW-BTC", "1m", page, Spans([(start, start + 1000 * MINUTE)]))
    rows = lake.read("KRW-BTC", "1m")
    monkeypatch.setenv("MARKETKIT_TIER", "180000")  # three of 56 kB
    lake.warm()
    assert made() == [name for name in made() if name >= "2024-04"]
    assert 2 <= len(made()) <= 3
    for _ in range(3):
        assert lake.read("KRW-BTC", "1m").equals(rows)
        assert tier.wait(PATIENCE)
        assert sum(path.stat().st_size for path in images().rglob("*.arrow")) <= 180_000


def rewritten(chunk, minutes: int) -> None:
    """Put the same candles in the place of a chunk, as written so many minutes after it."""
    at, new = chunk.stat().st_mtime_ns + minutes * 60 * 10**9, chunk.with_suffix(".new")
    shutil.copyfile(chunk, new)
    os.utime(new, ns=(at, at))
    new.replace(chunk)


def test_of_a_chunk_that_is_written_again_and_again_the_last_images_are_kept(lake, chunk, rows):
    for _ in range(7):
        rewritten(chunk, 1)
        assert lake.warm() == 1
        assert lake.read("KRW-BTC", "1m").equals(rows)
    assert mapped(chunk)
    assert len(made()) == 4
    tier.drop_maps()
    assert lake.read("KRW-BTC", "1m").equals(rows)
    assert mapped(chunk)


def test_a_job_makes_no_image_of_a_chunk_that_does_not_rest(lake, chunk, rows):
    for minutes, images_now in [(0, 1), (1, 1), (58, 1), (2, 2), (59, 2), (120, 3)]:
        rewritten(chunk, minutes)
        tier.later([chunk], {})
        assert tier.wait(PATIENCE)
        assert len(made()) == images_now, minutes
    rewritten(chunk, 1)
    for _ in range(3):  # who reads it again gets one all the same
        assert lake.read("KRW-BTC", "1m").equals(rows)
        assert tier.wait(PATIENCE)
    assert mapped(chunk)


def test_a_read_that_would_drive_out_all_others_makes_no_image(lake, chunk, rows, monkeypatch):
    monkeypatch.setenv("MARKETKIT_TIER", "1000")
    for _ in range(3):
        lake.read("KRW-BTC", "1m")
        assert tier.wait(PATIENCE)
    assert made() == []


def test_no_frame_can_change_what_is_kept(lake, chunk, rows):
    lake.warm()
    frame = lake.read("KRW-BTC", "1m")
    close = frame["close"].to_numpy()
    assert not close.flags.writeable
    with pytest.raises(ValueError, match=r"read-only|WRITEABLE"):
        close[0] = 7.0
    with pytest.raises(ValueError, match=r"WRITEABLE|writeable"):
        close.flags.writeable = True
    frame[0, "close"] = 7.0
    frame.columns = [name.upper() for name in frame.columns]
    frame.insert_column(0, pl.Series("more", range(100)))
    plain = lake.read("KRW-BTC", "1m").to_pandas()
    plain.loc[0, "close"] = 7.0
    with pytest.raises(ValueError, match="read-only"):
        lake.read("KRW-BTC", "1m").to_arrow()["close"].chunk(0).to_numpy()[0] = 7.0
    lake.read("KRW-BTC", "1m")["close"].sort(in_place=True, descending=True)
    assert mapped(chunk)
    assert lake.read("KRW-BTC", "1m").equals(rows)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX")
def test_memory_of_an_image_is_read_only_to_the_processor(lake, chunk):
    lake.warm()
    code = f"""
import ctypes
from marketkit.data.lake import Lake
close = Lake({str(lake.root)!r}).read("KRW-BTC", "1m")["close"].to_numpy()
ctypes.memset(close.ctypes.data, 1, 8)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == -signal.SIGSEGV


def test_a_new_process_uses_the_images_of_another_and_loads_no_other_library(lake, chunk):
    lake.warm()
    code = f"""
import sys
from marketkit.data.lake import Lake
from marketkit.data.lake.tier import tier
assert Lake({str(lake.root)!r}).read("KRW-BTC", "1m").height == 100
assert len(tier._maps._images) == 1
assert not {{"pyarrow", "numpy", "pandas"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_two_processes_make_images_of_the_same_chunks_beside_each_other(lake, chunk, rows):
    code = f"""
from marketkit.data.lake import Lake
from marketkit.data.lake.tier import tier
lake = Lake({str(lake.root)!r})
for _ in range(20):
    tier.drop_maps()
    assert lake.warm() == 1
    assert lake.read("KRW-BTC", "1m").height == 100
"""
    both = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [each.wait(120) for each in both] == [0, 0]
    assert lake.read("KRW-BTC", "1m").equals(rows)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only POSIX forks")
def test_a_child_made_by_fork_maps_images_of_its_own(lake, chunk):
    lake.warm()
    code = f"""
import os
from pathlib import Path
from marketkit.data.lake.tier import tier
path = Path({str(chunk)!r})
tier._maps._lock.acquire()
tier._symbols._lock.acquire()
tier._builder._hook()
tier._builder._changed.acquire()
child = os.fork()
if not child:
    found = tier.find([path])
    tier.note(found, {{}})
    tier._builder.add(())
    os._exit(0 if found.whole and tier.wait(0) else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=PATIENCE)


def test_a_frozen_set_shares_the_images_of_the_lake(lake, chunk, rows, monkeypatch):
    lake.warm()
    lake.freeze("set")  # which gives every file a second name
    tier.drop_maps()

    def refuse(_files):
        raise AssertionError("a file is decoded")

    monkeypatch.setattr("marketkit.data.lake.store.scan._scan", refuse)
    assert lake.as_of("set").read("KRW-BTC", "1m").equals(rows)
    assert lake.read("KRW-BTC", "1m").equals(rows)
    (kept,) = lake.root.glob("snapshots/set/candles/*/*/*/*.parquet")
    assert mapped(kept)
    assert tier.wait(PATIENCE)
    (name,) = made()
    assert open_image(next(images().rglob(name))).source.version == Version.of(kept, kept.stat())


def test_a_map_that_the_system_refuses_is_done_without(lake, chunk, rows, monkeypatch):
    lake.warm()
    tier.drop_maps()

    def full(_path):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr("marketkit.data.lake.tier.image._mapped", full)
    assert lake.read("KRW-BTC", "1m").equals(rows)
    assert not mapped(chunk)
    assert tier.wait(PATIENCE)


def test_a_file_from_the_future_is_young(lake, chunk, monkeypatch):
    monkeypatch.setattr("marketkit.data.lake.tier.builder.file_time", lambda _folder: 0)
    lake.warm()
    assert open_image(next(images().rglob("*.arrow"))).source.young


def test_columns_of_a_frame_have_the_chunks_of_the_images_and_no_others(lake, candles):
    months = [1_704_067_200_000, 1_706_745_600_000]
    for start in months:
        page = candles(range(start, start + 5 * MINUTE, MINUTE))
        lake.append("KRW-BTC", "1m", page, Spans([(start, start + 5 * MINUTE)]))
    lake.warm()
    frame = lake.read("KRW-BTC", "1m")
    assert set(closed(frame).n_chunks("all")) == {2}
    one = lake.read("KRW-BTC", "1m", months[0], months[1])
    assert set(closed(one).n_chunks("all")) == {1}
