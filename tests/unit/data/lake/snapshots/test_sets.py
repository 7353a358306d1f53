"""Frozen sets as versions of one table of copies."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl
import pytest

from marketkit.data.lake.snapshots.sets import AT_ONCE, Sets
from marketkit.errors import InputError
from tests.unit.data.lake.snapshots.conftest import JANUARY, Objects


@pytest.fixture(params=["memory", "folder"])
def objects(request) -> Objects:
    return request.getfixturevalue(request.param)


class Counting:
    """Objects that count what is asked of them, and stop at one of the requests."""

    def __init__(self, place: Any, stop: int | None = None) -> None:
        self.place = place
        self.stop = stop
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.place, name)

        def ask(*arguments: Any) -> Any:
            if name in {"put", "copy", "delete"}:
                if len(self.asked) == self.stop:
                    raise KeyboardInterrupt
                self.asked.append(name)
            return real(*arguments)

        return ask


def test_both_versions_of_a_table_keep_their_own_rows(objects):
    first = objects.freeze("a")
    objects.write("A", 7.0)
    second = objects.freeze("b")
    assert (first.files, first.rows, second.rows) == (2, 4, 4)
    assert objects.rows("a")["close"].sum() == 2 * (100.25 + 101.25)
    assert objects.rows("b")["close"].sum() == 2 * (7.0 + 101.25)
    sets = objects.sets.state().sets
    assert {name: named.version for name, named in sets.items()} == {"a": 0, "b": 1}


def test_other_engines_read_both_versions(folder):
    deltalake = pytest.importorskip("deltalake")
    folder.freeze("a")
    folder.write("A", 7.0)
    folder.freeze("b")
    for name, total in (("a", 403.0), ("b", 216.5)):
        table = folder.sets.table(name)
        scanned = pl.scan_delta(table.url, version=table.version).collect()
        assert scanned["close"].sum() == total
        assert scanned["series"].to_list() == scanned["symbol"].to_list()
        delta = deltalake.DeltaTable(table.url, version=table.version)
        assert sum(delta.to_pyarrow_table()["close"].to_pylist()) == total
        assert (table.rows, table.files) == (4, 2)


def test_a_set_after_one_change_costs_one_copy(folder):
    folder.freeze("a")
    folder.write("A", 7.0)
    counting = Counting(folder.place)
    Sets(counting, folder.sets.url).freeze("b", folder.chunks("AB"), JANUARY, {})
    # Besides, the manifest, the names, and the commit.
    assert sorted(counting.asked) == ["copy", "put", "put", "put"]


def test_a_set_of_nothing_new_costs_no_copy_and_has_the_same_hash(folder):
    first = folder.freeze("a")
    before = folder.copies()
    assert folder.freeze("b").hash == first.hash
    assert folder.copies() == before


def test_the_hash_of_a_set_is_that_of_the_list_of_files(folder):
    told = folder.freeze("a")
    lines = ""
    for market in "AB":
        path = f"candles/source=upbit/timeframe=1min/series=KRW-{market}/2024-01.parquet"
        lines += f"{hashlib.sha256(folder.place.read(path)[0]).hexdigest()}  {path}\n"
    assert told.hash == hashlib.sha256(lines.encode()).hexdigest()


def test_a_name_is_given_once_also_to_many_who_want_it_at_once(objects):
    def freeze(_: int) -> str:
        try:
            return objects.freeze("a").name
        except InputError as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(freeze, range(4)))
    assert sorted(answers)[:3] == [
        "a",
        *["a frozen set is called 'a' already; sets never change"] * 2,
    ]
    assert len(objects.sets.state().sets) == 1


def test_sets_that_many_freeze_at_once_all_get_their_names(objects):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(objects.freeze, "abcd"))
    sets = objects.sets.state().sets
    assert sorted(named.version for named in sets.values()) == [0, 1, 2, 3]
    assert {objects.rows(name).height for name in sets} == {4}


@pytest.mark.parametrize("stop", range(5))
def test_a_kill_before_the_commit_leaves_only_what_nobody_names(folder, stop):
    folder.freeze("a")
    folder.write("A", 7.0)
    folder.write("B", 8.0)
    before = folder.rows("a")
    sets = Sets(Counting(folder.place, stop), folder.sets.url)
    with pytest.raises(KeyboardInterrupt):
        sets.freeze("b", folder.chunks("AB"), JANUARY, {})
    assert set(folder.sets.state().sets) == {"a"}
    assert folder.rows("a").equals(before)
    assert folder.freeze("b").rows == 4
    assert folder.rows("b")["close"].sum() == 30.0


def test_a_deleted_set_goes_and_its_copies_with_the_next_vacuum(objects):
    objects.freeze("a")
    objects.write("A", 7.0)
    objects.freeze("b")
    kept = objects.copies()
    objects.sets.delete("a")
    with pytest.raises(InputError, match="no frozen set"):
        objects.sets.table("a")
    assert objects.copies() == kept
    assert objects.sets.vacuum() > 0
    assert len(objects.copies()) == 2
    assert objects.rows("b")["close"].sum() == 216.5
    with pytest.raises(InputError, match="no frozen set"):
        objects.sets.delete("a")


def test_a_vacuum_that_is_killed_takes_nothing_that_has_a_name(folder):
    folder.freeze("a")
    folder.write("A", 7.0)
    folder.freeze("b")
    folder.sets.delete("a")
    with pytest.raises(KeyboardInterrupt):
        Sets(Counting(folder.place, 3), folder.sets.url).vacuum()
    folder.write("A", 100.25)  # what may be about to go
    folder.freeze("c")
    folder.sets.vacuum()
    assert folder.rows("b")["close"].sum() == 216.5
    assert folder.rows("c")["close"].sum() == 403.0
    assert any("-1.parquet" in key for key in folder.copies())


def test_a_set_that_was_begun_before_a_vacuum_has_all_its_copies(folder):
    folder.freeze("a")
    folder.sets.delete("a")
    folder.write("A", 7.0)

    class Between(Counting):
        """Objects between whose copies and whose first commit another vacuums."""

        def __getattr__(self, name: str) -> Any:
            if name == "put" and not self.asked.count("put"):
                self.asked.append("put")
                folder.sets.vacuum()
            return super().__getattr__(name)

    Sets(Between(folder.place), folder.sets.url).freeze("b", folder.chunks("AB"), JANUARY, {})
    assert folder.rows("b")["close"].sum() == 216.5


def test_the_newest_version_stays_readable_without_a_name(folder):
    folder.freeze("a")
    folder.sets.delete("a")
    folder.sets.vacuum()
    assert pl.scan_delta(f"{folder.sets.url}/tables/candles").collect().height == 4


def test_a_table_that_another_program_rewrote_has_the_next_set_whole(folder):
    deltalake = pytest.importorskip("deltalake")
    folder.freeze("a")
    url = folder.sets.table("a").url
    deltalake.DeltaTable(url).optimize.compact(target_size=1 << 20)
    deltalake.DeltaTable(url).delete("symbol = 'KRW-B'")
    folder.write("A", 7.0)
    folder.freeze("b")
    table = folder.sets.table("b")
    assert pl.scan_delta(url, version=table.version).collect()["close"].sum() == 216.5
    assert pl.scan_delta(url, version=0).collect()["close"].sum() == 403.0
    folder.sets.vacuum()
    assert pl.scan_delta(url, version=table.version).collect()["close"].sum() == 216.5


def test_deltas_own_vacuum_takes_no_older_version_away(folder):
    deltalake = pytest.importorskip("deltalake")
    folder.freeze("a")
    folder.write("A", 7.0)
    folder.freeze("b")
    table = deltalake.DeltaTable(folder.sets.table("b").url)
    assert table.vacuum(dry_run=False) == []
    table.create_checkpoint()
    table.cleanup_metadata()
    old = folder.sets.table("a")
    assert pl.scan_delta(old.url, version=old.version).collect()["close"].sum() == 403.0


def test_copies_are_made_side_by_side():
    assert AT_ONCE == 16
