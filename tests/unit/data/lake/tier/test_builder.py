"""Images made of chunks: of proved bytes only, in a thread that holds up nobody."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import polars as pl
import pytest

from marketkit.data.lake.format.chunk import Stamp
from marketkit.data.lake.format.chunk import Version as Proof
from marketkit.data.lake.tier import builder
from marketkit.data.lake.tier.builder import Builder, Wanted, build, is_there, seal_of
from marketkit.data.lake.tier.folder import images
from marketkit.data.lake.tier.image import Version, open_image
from tests.waiting import PATIENCE, wait


@pytest.fixture
def wanted(chunk):
    return Wanted(chunk, Version.of(chunk, chunk.stat()), None, images())


@pytest.fixture
def settled(monkeypatch):
    """Have no file be young."""
    monkeypatch.setattr(builder, "_YOUNG", 0)


def flip(path, at):
    """Change a bit of a file where it is."""
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def test_an_image_is_made_of_a_chunk(wanted, tmp_path, settled):
    wanted = wanted._replace(folder=tmp_path)
    assert not is_there(tmp_path, wanted.version)
    assert build(wanted)
    assert is_there(tmp_path, wanted.version)
    image = open_image(tmp_path / wanted.version.name)
    assert image.frame.equals(pl.read_parquet(wanted.path).drop("symbol"))
    assert image.source == (wanted.version, "KRW-BTC", seal_of(wanted.path), False)


def test_an_image_of_a_young_chunk_says_so(wanted, tmp_path, monkeypatch):
    monkeypatch.setattr(builder, "_YOUNG", 1 << 62)
    assert build(wanted._replace(folder=tmp_path))
    assert open_image(tmp_path / wanted.version.name).source.young
    assert not is_there(tmp_path, wanted.version)


def test_no_image_is_made_of_bytes_that_are_not_those_that_were_written(wanted, tmp_path):
    flip(wanted.path, 40)
    version = Version.of(wanted.path, wanted.path.stat())
    assert not build(wanted._replace(version=version, folder=tmp_path))
    assert not any(tmp_path.rglob("*.arrow"))


def test_no_image_is_made_of_a_chunk_that_was_replaced(wanted, tmp_path):
    other = wanted.path.with_name("other")
    other.write_bytes(wanted.path.read_bytes())
    other.replace(wanted.path)
    assert not build(wanted)
    wanted.path.unlink()
    assert not build(wanted)


def test_an_older_chunk_without_a_seal_needs_the_hash_that_somebody_has(candles, tmp_path, settled):
    path = tmp_path / "timeframe=1min" / "series=KRW-BTC" / "2024-01.parquet"
    path.parent.mkdir(parents=True)
    candles(range(0, 600_000, 60_000)).write_parquet(path)
    version = Version.of(path, path.stat())
    wrong = Proof(Stamp.of(path.stat()), "0" * 64)
    assert not build(Wanted(path, version, wrong, tmp_path / "images"))
    assert build(Wanted(path, version, None, tmp_path / "images"))  # decoded in full, by pyarrow
    assert open_image(tmp_path / "images" / version.name).source.seal is None


def test_the_thread_makes_what_is_wanted_and_ends(wanted):
    made = Builder()
    made.add([wanted])
    assert made.wait(PATIENCE)
    assert open_image(images() / wanted.version.name).frame.height == 100
    wait(lambda: "marketkit-images" not in {thread.name for thread in threading.enumerate()})


def test_a_folder_that_takes_nothing_stops_no_thread(wanted, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    made = Builder()
    made.add([wanted._replace(folder=tmp_path / "file")])
    assert made.wait(PATIENCE)


def test_a_builder_that_was_closed_takes_nothing_more(wanted):
    made = Builder()
    made.close()
    made.add([wanted])
    assert made.wait(PATIENCE)
    assert not (images() / wanted.version.name).exists()


def test_what_cannot_be_made_is_tried_once_and_not_with_every_read(wanted, monkeypatch):
    tried = []
    monkeypatch.setattr(builder, "build", tried.append)
    made = Builder()
    for _ in range(3):
        made.add([wanted])
        assert made.wait(PATIENCE)
    assert tried == [wanted]


def test_of_a_chunk_that_is_replaced_again_and_again_one_version_is_remembered(wanted, monkeypatch):
    monkeypatch.setattr(builder, "build", lambda _: False)
    made = Builder()
    for turn in range(20):
        os.utime(wanted.path, ns=(turn, turn))
        version = Version.of(wanted.path, wanted.path.stat())
        made.add([wanted._replace(version=version)])
        assert made.wait(PATIENCE)
    assert made._hopeless == {wanted.path: version}


def test_a_system_that_gives_no_thread_has_no_new_images(wanted, monkeypatch):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    made = Builder()
    made.add([wanted])
    assert made.wait(0)


def test_a_process_ends_without_waiting_for_its_images(lake, chunk):
    code = f"""
from pathlib import Path
from marketkit.data.lake.tier import builder
from marketkit.data.lake.tier.image import Version
import threading
begun = threading.Event()
def slow(wanted):
    begun.set()
    threading.Event().wait()  # for ever
builder._build_quietly = slow
builder._EXIT = 0.01
path = Path({str(chunk)!r})
builder.Builder().add([builder.Wanted(path, Version.of(path, path.stat()), None, path.parent)])
assert begun.wait(120)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.stderr == ""


@pytest.mark.skipif(sys.platform != "linux", reason="priorities of threads are Linux'")
def test_the_thread_has_the_lowest_priority(wanted, monkeypatch):
    seen = []
    own = builder._build_quietly
    monkeypatch.setattr(
        builder,
        "_build_quietly",
        lambda each: (
            seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())),
            own(each),
        ),
    )
    made = Builder()
    made.add([wanted])
    assert made.wait(PATIENCE)
    assert seen == [19]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) < 19 or seen == [19]
