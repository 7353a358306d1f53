"""The audit of a bucket reads every object; a repair goes by the versions it has seen."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.chunk import footer_of, spell_chunk
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.places.locks import held
from marketkit.timeframe import MINUTE, TIMEFRAMES

BTC = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
KEY = BTC.path("1970-01")


@pytest.fixture
def filled(on_bucket, candles):
    lake = on_bucket()
    for close in (1.0, 2.0):
        lake.append("KRW-BTC", "1m", candles([0, MINUTE], close=close), Spans([(0, 3 * MINUTE)]))
    return lake


def found(lake):
    return lake.audit().select("path", "finding").rows()


def put(lake, key, change):
    content, version = lake.objects.read(key)
    lake.objects.put(key, change(content), version)


def test_a_sound_bucket_has_no_faults_and_nothing_is_left_here(filled):
    assert found(filled) == []
    assert filled.repair().is_empty()
    assert not list(filled.root.glob(".audit-*"))


def test_the_copy_of_an_audit_that_was_killed_goes_and_that_of_another_at_work_stays(filled):
    killed, at_work = (filled.root / f".audit-{name}" for name in ("killed", "at-work"))
    for folder in (killed, at_work):
        folder.mkdir()
        (folder / "file").write_bytes(b"a copy")
    with held(filled.root / ".locks" / "audit-at-work.lock", 0.0):
        assert found(filled) == []
        assert (killed.exists(), (at_work / "file").exists()) == (False, True)
    assert found(filled) == []
    assert not at_work.exists()
    assert not list((filled.root / ".locks").glob("audit-*"))


def test_bytes_that_rot_in_the_bucket_are_found_whatever_lies_here(filled, on_bucket, candles):
    assert filled.read("KRW-BTC", "1m").height == 2
    put(filled, KEY, lambda content: content[:99] + b"?" + content[100:])
    assert found(filled) == [(KEY, "corrupt")]
    assert filled.repair(dry_run=True)["action"].to_list() == ["set aside"]
    assert found(filled) == [(KEY, "corrupt")]
    assert filled.repair()["action"].to_list() == ["set aside"]
    assert found(filled) == []
    assert not on_bucket("two").covered("KRW-BTC", "1m")
    assert [key for key, _ in filled.objects.list("corrupt/") if key.endswith(KEY)]


def test_rows_in_another_order_are_mended(filled, on_bucket):
    def shuffled(content):
        footer = footer_of(BytesIO(content), Path(KEY), BTC)
        return spell_chunk(pl.read_parquet(content).reverse(), footer, BTC).content

    rows = filled.read("KRW-BTC", "1m")
    put(filled, KEY, shuffled)
    assert found(filled) == [(KEY, "unsorted")]
    assert filled.repair()["action"].to_list() == ["mended"]
    assert found(filled) == []
    assert on_bucket("two").read("KRW-BTC", "1m").equals(rows)


def test_lines_that_are_no_revisions_leave_the_log(filled):
    ((key, _),) = filled.objects.list("revisions/")
    before = filled.revisions()
    put(filled, key, lambda content: b"no revision\n" + content)
    log = "revisions/source=upbit/timeframe=1min/KRW-BTC.ndjson"
    assert found(filled) == [(log, "revisions")]
    assert filled.repair()["action"].to_list() == ["mended"]
    assert found(filled) == []
    assert filled.revisions().equals(before)


def test_a_name_that_means_nothing_is_told_of_and_left(filled):
    filled.objects.put("candles/notes.txt", b"?", None)
    filled.objects.put(".probe/1", b"?", None)
    assert found(filled) == [("candles/notes.txt", "stray")]
    assert filled.repair()["action"].to_list() == ["left"]


def test_a_mark_that_is_gone_is_made_anew(filled, on_bucket):
    _, version = filled.objects.read("lake.json")
    filled.objects.delete("lake.json", version)
    assert found(filled) == [("lake.json", "lake")]
    assert filled.repair()["action"].to_list() == ["remade"]
    assert on_bucket("two").is_there()


def test_a_damaged_mark_is_replaced_without_a_moment_in_which_there_is_none(
    filled, on_bucket, monkeypatch
):
    put(filled, "lake.json", lambda _: b"rot")
    monkeypatch.setattr(type(filled.objects._store), "delete", lambda *_: None)
    assert filled.repair()["action"].to_list() == ["remade"]
    assert on_bucket("two").is_there()
    kept = [key for key, _ in filled.objects.list("corrupt/") if key.endswith("/lake.json")]
    assert [filled.objects.read(key)[0] for key in kept] == [b"rot"]


def test_a_mark_that_cannot_be_made_yet_is_left_with_the_reason(filled, monkeypatch):
    _, version = filled.objects.read("lake.json")
    monkeypatch.setattr(type(filled.objects._store), "delete", lambda *_: None)
    filled.objects.delete("lake.json", version)
    told = filled.repair()
    assert told["action"].to_list() == ["left"]
    assert "lake.json was deleted, and the store has not said" in told["detail"][0]
