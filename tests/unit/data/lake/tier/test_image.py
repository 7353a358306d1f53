"""Images of chunks, as any reader of Arrow files and ours find them."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.data.lake.tier.image import (
    Broken,
    Source,
    Version,
    open_image,
    problem_of,
    write,
)
from marketkit.schema import ROW, TIME

MINUTE = 60_000
VERSION = Version("source=upbit/timeframe=1min/series=KRW-BTC", "2024-01", 1, 2, 3, 4, 5)
SOURCE = Source(VERSION, "KRW-BTC", "5ea1" * 16, young=False)
numbers = st.floats(allow_nan=False, allow_infinity=False)


def rows_of(values: list[tuple[float, float | None]]) -> pl.DataFrame:
    """Make candles of closes and turnovers, one a minute."""
    times = pl.Series("time", [at * MINUTE for at in range(len(values))]).cast(TIME)
    prices = pl.Series([close for close, _ in values], dtype=pl.Float64)
    turnover = pl.Series([value for _, value in values], dtype=pl.Float64)
    named = dict.fromkeys(("open", "high", "low", "close", "volume"), prices)
    return pl.DataFrame({"time": times, **named, "value": turnover})


@pytest.fixture
def path(tmp_path) -> Path:
    """An image of a hundred candles."""
    found = tmp_path / "2024-01.arrow"
    with found.open("xb") as file:
        write(rows_of([(float(at), 2.0 * at) for at in range(100)]), SOURCE, file)
    return found


@given(st.lists(st.tuples(numbers, st.none() | numbers), min_size=1, max_size=200))
def test_an_image_has_the_rows_bit_for_bit_with_nulls_and_without(tmp_path_factory, values):
    rows = rows_of(values)
    path = tmp_path_factory.mktemp("image") / "one.arrow"
    with path.open("wb") as file:
        write(rows, SOURCE, file)
    image = open_image(path)
    assert image.frame.equals(rows)
    assert image.frame.schema == {name: kind for name, kind in ROW.items() if name != "symbol"}
    assert image.times.tolist() == [at * MINUTE for at in range(len(values))]
    assert (image.source, image.size) == (SOURCE, path.stat().st_size)
    assert problem_of(path) is None


def test_other_programs_read_an_image_as_the_arrow_file_that_it_is(path):
    with pa.memory_map(str(path)) as file:
        assert pl.from_arrow(pa.ipc.open_file(file).read_all()).equals(open_image(path).frame)
    assert pl.read_ipc(path).equals(open_image(path).frame)


@pytest.mark.parametrize("span", [(0, 100), (-5, 3), (3, 4), (50, 999), (7, 7), (100, 200)])
def test_rows_of_a_range_are_found_by_their_times(path, span):
    start, end = span
    image = open_image(path)
    expected = image.frame[max(0, start) : max(0, min(end, 100))]
    assert image.between(start * MINUTE, end * MINUTE).equals(expected)
    assert image.between(start * MINUTE - 1, end * MINUTE - 1).equals(expected)


def test_a_frame_is_one_chunk(path):
    assert set(open_image(path).frame.n_chunks("all")) == {1}


def test_a_frame_outlives_its_file(path):
    frame = open_image(path).frame
    copy = frame.clone().rechunk().to_dict(as_series=False)
    path.unlink()
    assert frame.to_dict(as_series=False) == copy


def test_an_image_cut_short_anywhere_is_broken(path):
    content = path.read_bytes()
    for length in [0, 1, 8, len(content) // 2, *range(len(content) - 1200, len(content), 7)]:
        path.unlink()  # never cut a file that is mapped
        path.write_bytes(content[:length])
        with pytest.raises(Broken):
            open_image(path)
        assert problem_of(path).startswith("is no image")


def test_a_flipped_bit_anywhere_is_found_by_who_looks_at_all_of_an_image(path):
    content = path.read_bytes()
    start = content.index(b"marketkit1")
    for at in [*range(0, start, 97), *range(start, start + 1024, 13)]:
        spoilt = bytearray(content)
        spoilt[at] ^= 1 << at % 8
        path.unlink()
        path.write_bytes(spoilt)
        assert problem_of(path) is not None


def test_a_block_of_another_file_is_broken(path):
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:64] + bytes(64) + content[64:])
    with pytest.raises(Broken):
        open_image(path)


def test_no_image_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_image(tmp_path / "none.arrow")
    assert "No such file" in problem_of(tmp_path / "none.arrow")


def test_a_version_is_told_by_all_that_a_system_notes(tmp_path):
    folder = tmp_path / "candles" / "source=upbit" / "timeframe=1min" / "series=KRW-BTC"
    folder.mkdir(parents=True)
    path = folder / "2024-01.parquet"
    path.write_bytes(b"one")
    stat = path.stat()
    version = Version.of(path, stat)
    assert version.folder == "source=upbit/timeframe=1min/series=KRW-BTC"
    stamp = f"3-{stat.st_mtime_ns}-{stat.st_dev}-{stat.st_ino}"
    assert version.name == f"{version.folder}/2024-01.{stamp}.arrow"
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # which changes only the ctime
    again = Version.of(path, path.stat())
    assert again.name == version.name
    assert again.ctime_ns >= version.ctime_ns
