"""Frozen sets of a lake in a bucket."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.errors import CorruptFile, Incomplete, InputError, NotWritable
from marketkit.timeframe import MINUTE


@pytest.fixture
def filled(on_bucket, candles):
    lake = on_bucket()
    for number, symbol in enumerate(("KRW-BTC", "KRW-ETH")):
        rows = candles([0, MINUTE], symbol, 100.25 + number)
        lake.append(symbol, "1m", rows, Spans([(0, 3 * MINUTE)]))
    return lake


def copies(lake):
    return dict(lake.objects.list("tables/candles/source="))


def spoil(lake, key):
    content, version = lake.objects.read(key)
    lake.objects.put(key, content[:100] + bytes([content[100] ^ 1]) + content[101:], version)


def test_a_set_is_read_on_any_machine_while_the_lake_changes(filled, on_bucket, candles):
    before = filled.read(None, "1m")
    told = filled.freeze("a")
    assert (told.files, told.rows) == (2, 4)
    filled.append("KRW-BTC", "1m", candles([0], close=7.0), Spans([(0, MINUTE)]))
    other = on_bucket("two")
    assert other.frozen().select("name", "files", "hash").rows() == [("a", 2, told.hash)]
    frozen = other.as_of("a")
    assert frozen.read(None, "1m").equals(before)
    assert frozen.covered("KRW-BTC", "1m") == Spans([(0, 3 * MINUTE)])
    assert not other.read(None, "1m").equals(before)
    assert other.verify("a").is_empty()


def test_only_the_files_that_are_asked_for_come_here(filled, on_bucket):
    filled.freeze("a")
    frozen = on_bucket("two").as_of("a")
    assert not list(frozen.root.rglob("*.parquet"))
    frozen.read("KRW-ETH", "1m")
    assert [path.parent.name for path in frozen.root.rglob("*.parquet")] == ["series=KRW-ETH"]


def test_chunks_that_were_written_here_are_frozen_without_a_look_at_them(filled, monkeypatch):
    read = []
    real = filled.mirror.objects.read
    monkeypatch.setattr(
        filled.mirror.objects, "read", lambda key, *of: (read.append(key), real(key, *of))[1]
    )
    filled.freeze("a")
    assert not [key for key in read if key.startswith("candles/")]


def test_hashes_that_one_machine_learned_are_not_worked_out_again(filled, on_bucket, monkeypatch):
    other = on_bucket("two")
    read, real = [], other.mirror.objects.read
    monkeypatch.setattr(
        other.mirror.objects, "read", lambda key, *of: (read.append(key), real(key, *of))[1]
    )
    other.freeze("a")
    assert len([key for key in read if key.startswith("candles/")]) == 2
    read.clear()
    other.freeze("b")
    assert not [key for key in read if key.startswith("candles/")]


def test_sets_have_one_name_each_and_nothing_has_none(filled, on_bucket):
    filled.freeze("study-a")
    with pytest.raises(InputError, match="'study-a' already"):
        filled.freeze("study-a")
    with pytest.raises(InputError, match="cannot name"):
        filled.freeze("a b")
    for method in ("as_of", "verify", "cite", "delete", "table", "publish"):
        with pytest.raises(InputError, match="did you mean 'study-a'"):
            getattr(filled, method)("study-b")


def test_an_empty_lake_has_nothing_to_freeze(on_bucket):
    with pytest.raises(InputError, match="no candles to freeze in memory://team/upbit"):
        on_bucket().freeze("a")


def test_a_series_with_rotten_bytes_is_left_out(filled, on_bucket):
    (key,) = [each for each, _ in filled.objects.list("candles/") if "BTC" in each]
    spoil(filled, key)
    with pytest.warns(Incomplete, match="KRW-BTC 1m"):
        assert on_bucket("two").freeze("a").files == 1
    assert filled.as_of("a").read(None, "1m")["symbol"].unique().to_list() == ["KRW-ETH"]


def test_a_copy_that_rots_or_goes_is_told_and_never_read(filled, on_bucket):
    filled.freeze("a")
    first, second = sorted(copies(filled))
    spoil(filled, first)
    filled.objects.delete(second, copies(filled)[second])
    other = on_bucket("two")
    problems = dict(other.verify("a").rows())
    assert len(problems) == 2
    assert "is missing" in problems.values()
    with pytest.raises(CorruptFile, match="other bytes than were frozen"):
        other.as_of("a").read("KRW-BTC", "1m")
    with pytest.raises(CorruptFile, match="is missing"):
        other.as_of("a").read("KRW-ETH", "1m")


def test_sets_are_compared_cited_and_thawed(filled, candles, tmp_path):
    filled.freeze("a")
    before = filled.read(None, "1m")
    filled.append("KRW-BTC", "1m", candles([0], close=7.0), Spans([(0, MINUTE)]))
    filled.freeze("b")
    for difference in (filled.diff("a", "b"), filled.diff("a")):
        assert difference["symbol"].to_list() == ["KRW-BTC"]
        assert difference["difference"].to_list() == ["changed"]
    assert "KRW-BTC, KRW-ETH 1m of upbit" in filled.cite("a")
    thawed = filled.thaw("a", tmp_path / "new")
    assert thawed.read(None, "1m").equals(before)
    thawed.append("KRW-BTC", "1m", candles([0], close=8.0), Spans([(0, MINUTE)]))
    assert filled.as_of("a").read(None, "1m").equals(before)


def test_a_table_has_an_address_and_the_version_of_the_set(filled, candles):
    filled.freeze("a")
    filled.append("KRW-BTC", "1m", candles([0], close=7.0), Spans([(0, MINUTE)]))
    filled.freeze("b")
    url = "memory://team/upbit/tables/candles"
    assert [filled.table(name).version for name in "ab"] == [0, 1]
    assert filled.table("a").url == filled.publish("a") == url
    with pytest.raises(InputError, match="no trades"):
        filled.table("a", "trades")


def test_the_copies_of_a_deleted_set_go_with_a_vacuum(filled, candles):
    filled.freeze("a")
    filled.append("KRW-BTC", "1m", candles([0], close=7.0), Spans([(0, MINUTE)]))
    filled.freeze("b")
    filled.delete("a")
    assert filled.frozen()["name"].to_list() == ["b"]
    assert len(copies(filled)) == 3
    assert filled.vacuum() > 0
    assert len(copies(filled)) == 2
    assert filled.verify("b").is_empty()


def test_a_lake_on_a_disk_has_nothing_to_vacuum(lake):
    assert lake.vacuum() == 0


def test_sql_sees_the_set_that_is_named(filled, on_bucket, candles):
    pytest.importorskip("duckdb")
    filled.freeze("a")
    filled.append("KRW-BTC", "1m", candles([0], close=7.0), Spans([(0, MINUTE)]))
    other = on_bucket("two")
    query = "select sum(close) from candles_1m"
    assert other.sql(query, as_of="a").item() == 2 * (100.25 + 101.25)
    assert other.sql(query).item() == 2 * (100.25 + 101.25) - 100.25 + 7.0
    assert other.as_of("a").scan("KRW-BTC", "1m").collect()["close"].sum() == 200.5
    assert other.as_of("a").catalog()["rows"].sum() == 4


def test_a_set_takes_no_writes(filled, candles):
    filled.freeze("a")
    with pytest.raises(NotWritable):
        filled.as_of("a").append("KRW-BTC", "1m", candles([0]), Spans([(0, MINUTE)]))


def test_an_audit_of_the_lake_finds_nothing_in_frozen_sets(filled):
    filled.freeze("a")
    assert filled.audit().is_empty()
