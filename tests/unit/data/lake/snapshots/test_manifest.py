"""What a frozen set is."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.chunk import Entry, Footer, Stamp
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.snapshots.manifest import FrozenFile, Manifest, cite, read_manifest
from marketkit.errors import CorruptFile, NewerFormat
from marketkit.timeframe import TIMEFRAMES

MINUTE = 60_000


def kept(chunk: str, start: int, symbol: str = "KRW-BTC", timeframe: str = "1m") -> FrozenFile:
    series = Series("upbit", symbol, TIMEFRAMES[timeframe])
    footer = Footer(Spans([(start, start + 5 * MINUTE)]), None, 1, start, start)
    digest = hashlib.sha256(f"{symbol}{chunk}".encode()).hexdigest()
    return FrozenFile(series, Entry(chunk, Stamp(100, 0, 0), footer, digest))


@pytest.fixture
def manifest(january):
    later, earlier = kept("2024-01", january), kept("2023-12", january - 5 * MINUTE)
    return Manifest.of("study-1", january, "0.1.0", [later, earlier])


@pytest.fixture
def spelled(manifest, tmp_path):
    """The manifest on disk, as JSON that can be changed."""
    path = tmp_path / "manifest.json"
    path.write_text(manifest.spell())
    return path


def change(path, **said):
    path.write_text(json.dumps({**json.loads(path.read_text()), **said}))


def test_what_is_spelled_is_read_back(manifest, spelled):
    assert read_manifest(spelled.parent) == manifest
    assert read_manifest(spelled.parent).hash == manifest.hash


def test_a_beginning_keeps_what_it_rests_on(manifest, spelled, january):
    first, later = manifest.files
    footer = replace(first.entry.footer, nothing_before=january, rests_on="months")
    said = first._replace(entry=replace(first.entry, footer=footer))
    spelled.write_text(Manifest.of("study-1", january, "0.1.0", [said, later]).spell())
    assert read_manifest(spelled.parent).files == (said, later)
    assert read_manifest(spelled.parent).hash == manifest.hash


def test_a_manifest_of_before_there_were_words_is_read(manifest, spelled):
    files = json.loads(spelled.read_text())["files"]
    for each in files:
        del each["rests_on"]
    change(spelled, files=files)
    assert read_manifest(spelled.parent) == manifest


def test_files_stand_in_the_order_of_their_paths_one_on_a_line(manifest, spelled):
    assert [each.entry.chunk for each in manifest.files] == ["2023-12", "2024-01"]
    lines = spelled.read_text().splitlines()
    assert [line.count(".parquet") for line in lines if ".parquet" in line] == [1, 1]


def test_the_hash_is_that_of_what_sha256sum_prints(manifest):
    text = "".join(f"{each.entry.sha256}  {each.path}\n" for each in manifest.files)
    assert manifest.hash == hashlib.sha256(text.encode()).hexdigest()


def test_the_hash_is_of_the_files_and_not_of_the_occasion(manifest):
    again = Manifest.of("other", manifest.created + 1, "9", manifest.files[::-1])
    assert again.hash == manifest.hash
    assert Manifest.of("study-1", 0, "0", manifest.files[:1]).hash != manifest.hash


def test_the_summary_adds_up(manifest):
    said = manifest.summary
    assert (said.name, said.files, said.rows, said.bytes) == ("study-1", 2, 2, 200)
    assert said.hash == manifest.hash


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": "new"}', "\xff"])
def test_what_is_no_manifest_is_named(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text, encoding="latin-1")
    with pytest.raises(CorruptFile, match=r"manifest\.json"):
        read_manifest(tmp_path)


def test_a_folder_without_a_manifest_is_named(tmp_path):
    with pytest.raises(CorruptFile, match=r"manifest\.json"):
        read_manifest(tmp_path)


def test_a_later_format_is_refused(spelled):
    change(spelled, format=2)
    with pytest.raises(NewerFormat, match="format 2"):
        read_manifest(spelled.parent)


@pytest.mark.parametrize("key", ["path", "sha256"])
def test_a_list_of_files_that_was_changed_is_refused(spelled, key):
    files = json.loads(spelled.read_text())["files"]
    files[0][key] = files[1][key]
    change(spelled, files=files)
    with pytest.raises(CorruptFile, match="hash"):
        read_manifest(spelled.parent)


@pytest.mark.parametrize(
    "path",
    [
        "../../other/2024-01.parquet",
        "candles/source=upbit/timeframe=1min/series=../2024-01.parquet",
        "candles/source=upbit/timeframe=7min/series=KRW-BTC/2024-01.parquet",
        "candles/source=upbit/timeframe=1min/series=KRW-BTC/2024-13.parquet",
        "candles/source=UP/timeframe=1min/series=KRW-BTC/2024-01.parquet",
    ],
)
def test_a_path_is_never_anything_but_that_of_a_chunk(spelled, path):
    files = json.loads(spelled.read_text())["files"]
    files[0]["path"] = path
    change(spelled, files=files)
    with pytest.raises(CorruptFile):
        read_manifest(spelled.parent)


def test_a_citation_names_hash_date_version_and_contents(manifest):
    entry = cite(manifest)
    assert entry.startswith("@misc{study-1,")
    assert entry.count("{") == entry.count("}")
    for part in (manifest.hash, "2024-01-01", "marketkit 0.1.0", "KRW-BTC 1m of upbit"):
        assert part in entry
    assert "from 2023-12-31T23:55:00Z to 2024-01-01T00:05:00Z" in entry


def test_a_citation_counts_many_symbols_and_keeps_timeframes_apart(january):
    files = [kept("2024-01", january, f"KRW-C{number}") for number in range(9)]
    files += [kept("all", january, "KRW-C_1".replace("_", ""), "1h")]
    entry = cite(Manifest.of("a_b", january, "0.1.0", files))
    assert "9 symbols 1m" in entry
    assert "KRW-C1 1h" in entry
    assert r"{a\_b:" in entry
