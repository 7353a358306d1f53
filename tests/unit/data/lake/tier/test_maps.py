"""Images that are kept mapped, and columns of symbols."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from marketkit.data.lake.tier import maps
from marketkit.data.lake.tier.image import Version
from marketkit.data.lake.tier.maps import Maps, SymbolColumns


def version(number: int) -> Version:
    return Version("series=KRW-BTC", "2024-01", 1, number, 3, 4, 5)


def path(number: int) -> Path:
    return Path(f"{number}.parquet")


def image(size: int = 1) -> SimpleNamespace:
    return SimpleNamespace(size=size)


def test_the_images_that_were_not_used_for_longest_go(monkeypatch):
    monkeypatch.setattr(maps, "_MAPS", 3)
    kept, made = Maps(), [image() for _ in range(4)]
    for number in range(3):
        kept.put(path(number), version(number), made[number])
    assert kept.get(version(0)) is made[0]
    kept.put(path(3), version(3), made[3])
    assert [kept.get(version(number)) for number in range(4)] == [made[0], None, made[2], made[3]]
    kept.clear()
    assert kept.get(version(0)) is None


def test_images_are_let_go_by_their_bytes_and_the_newest_stays(monkeypatch):
    monkeypatch.setattr(maps, "_MAPPED", 100)
    kept = Maps()
    for number in range(4):
        kept.put(path(number), version(number), image(40))
        kept.put(path(number), version(number), image(40))
    assert [kept.get(version(number)) is not None for number in range(4)] == [
        False,
        False,
        True,
        True,
    ]
    kept.put(path(9), version(9), image(500))
    assert kept.get(version(9)) is not None
    assert kept.get(version(3)) is None


def test_of_a_file_that_was_replaced_only_the_newest_image_stays(monkeypatch):
    monkeypatch.setattr(maps, "_MAPPED", 100)
    kept = Maps()
    for number in range(4):
        kept.put(path(0), version(number), image(90))
    assert [kept.get(version(number)) is not None for number in range(4)] == [False] * 3 + [True]
    kept.put(path(1), version(9), image(10))
    assert kept.get(version(3)) is not None  # the sizes of those that went are not counted


def test_a_column_of_a_symbol_is_cut_from_one_that_is_kept():
    columns = SymbolColumns()
    first, second = columns.cut("KRW-BTC", 3), columns.cut("KRW-BTC", 50_000)
    assert first.to_list() == ["KRW-BTC"] * 3
    assert (second.len(), second.n_unique(), second.name) == (50_000, 1, "symbol")
    assert columns.cut("KRW-ETH", 1).to_list() == ["KRW-ETH"]


def test_columns_of_symbols_are_bounded(monkeypatch):
    monkeypatch.setattr(maps, "_SYMBOLS", 3 * 16 * maps._USUAL)
    columns = SymbolColumns()
    for number in range(10):
        assert columns.cut(f"KRW-{number}", 5_000).to_list() == [f"KRW-{number}"] * 5_000
    assert list(columns._columns) == ["KRW-7", "KRW-8", "KRW-9"]


def test_a_few_rows_of_many_symbols_keep_no_columns():
    """A job that carries markets on reads some rows of each, and would keep a month of them."""
    columns = SymbolColumns()
    for number in range(200):
        assert columns.cut(f"KRW-{number}", 120).to_list() == [f"KRW-{number}"] * 120
    assert not columns._columns


@pytest.mark.parametrize("kept", [Maps(), SymbolColumns()])
def test_a_child_begins_with_a_lock_that_nobody_holds(kept):
    kept._lock.acquire()
    kept.forget_lock()
    assert not kept._lock.locked()
