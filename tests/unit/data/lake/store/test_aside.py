"""Bytes that are taken out of the lake and kept."""

from __future__ import annotations

from marketkit.data.lake.store.aside import Aside


def kept(root):
    return sorted(path for path in (root / "corrupt").rglob("*") if path.is_file())


def test_what_is_moved_lies_under_the_path_that_it_had(tmp_path):
    path = tmp_path / "candles" / "a.parquet"
    path.parent.mkdir()
    path.write_bytes(b"rot")
    target = Aside(tmp_path).move(path)
    assert kept(tmp_path) == [target]
    assert target.relative_to(tmp_path / "corrupt").parts[1:] == ("candles", "a.parquet")
    assert not path.exists()


def test_what_is_linked_stays_and_is_kept_when_it_is_replaced(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"old")
    Aside(tmp_path).link(path)
    path.unlink()
    path.write_bytes(b"new")
    assert [each.read_bytes() for each in kept(tmp_path)] == [b"old"]


def test_nothing_is_made_before_it_is_needed(tmp_path):
    Aside(tmp_path)
    assert list(tmp_path.iterdir()) == []
