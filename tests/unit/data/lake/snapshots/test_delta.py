"""Commits of Delta tables, as text."""

from __future__ import annotations

import json

import pytest

from marketkit.data.lake.snapshots import delta
from marketkit.data.lake.snapshots.delta import Added
from marketkit.data.lake.trades.day import STORED
from marketkit.schema import ROW

JANUARY = 1_704_067_200_000
PARTS = {"source": "upbit", "timeframe": "1min", "series": "KRW-a/b"}
FILE = Added("source=upbit/series=KRW-%61%2Fb/한.parquet", PARTS, 123, 2, JANUARY, JANUARY + 1)


def spell(lines, **ours):
    return delta.spell(lines, JANUARY, "WRITE", "marketkit 1", ours)


def test_a_commit_is_named_by_its_version():
    assert delta.commit_path(7) == "_delta_log/00000000000000000007.json"
    assert delta.version_of(delta.commit_path(7)) == 7
    for other in ("_delta_log/00000000000000000007.checkpoint.parquet", "_delta_log/_last", "x"):
        assert delta.version_of(other) is None


@pytest.mark.parametrize(("of", "columns"), [("candles", ROW), ("trades", STORED)])
def test_a_table_has_the_columns_of_its_files_and_those_of_the_path(of, columns):
    protocol, about = delta.head(of, "a", JANUARY)
    assert protocol == {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}
    fields = json.loads(about["metaData"]["schemaString"])["fields"]
    names = [field["name"] for field in fields]
    assert names == [*columns, *about["metaData"]["partitionColumns"]]
    assert delta.head(of, "a", JANUARY)[1] == about != delta.head(of, "b", JANUARY)[1]


def test_a_file_is_told_with_a_path_of_a_url_and_what_its_footer_says():
    said = delta.added(FILE, JANUARY)["add"]
    assert said["path"] == "source=upbit/series=KRW-%2561%252Fb/%ED%95%9C.parquet"
    assert (said["partitionValues"], said["size"]) == (PARTS, 123)
    assert json.loads(said["stats"]) == {
        "numRecords": 2,
        "minValues": {"time": "2024-01-01T00:00:00Z"},
        "maxValues": {"time": "2024-01-01T00:00:00.001Z"},
        "nullCount": {"symbol": 0, "time": 0},
    }
    assert delta.removed(FILE.path, JANUARY)["remove"]["path"] == said["path"]


def test_a_file_without_rows_has_no_times():
    stats = json.loads(delta.added(FILE._replace(rows=0, first=None, last=None), 0)["add"]["stats"])
    assert stats == {"numRecords": 0, "nullCount": {"symbol": 0, "time": 0}}


def test_a_commit_tells_its_changes_and_at_its_end_about_itself():
    commit = spell([delta.added(FILE, 1), delta.removed("b", 1)], frozen="a")
    assert delta.changes(commit) == ({FILE.path}, {"b"})
    told = delta.told_by(commit)
    assert told is not None
    assert told["frozen"] == "a"
    assert delta.told_by(commit[-300:]) == told
    assert delta.told_by(commit[-100:]) is None


@pytest.mark.parametrize(
    "commit", [b"", b"{", b"[1]", b"7", b'{"commitInfo":{"operation":"WRITE"}}', b'{"add":{}}']
)
def test_a_commit_of_another_program_tells_nothing(commit):
    assert delta.told_by(commit) is None
    assert not delta.is_whole(commit)


def test_a_commit_with_another_byte_or_line_is_not_whole():
    commit = spell([delta.added(FILE, 1), delta.added(FILE._replace(path="b"), 1)])
    assert delta.is_whole(commit)
    assert delta.is_whole(spell([]))
    assert not delta.is_whole(commit.replace(b'"size": 123', b'"size": 122', 1))
    assert not delta.is_whole(commit.partition(b"\n")[2])
