"""What is a bucket's own; the promises of all places, and failing stores, are in tests/scale."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from marketkit.data.lake.format.objects import Conflict, Removing
from marketkit.data.lake.places import patience
from marketkit.data.lake.places.bucket import _OLD, Bucket

stores = pytest.importorskip("obstore.store")


@pytest.fixture
def bucket(monkeypatch) -> Bucket:
    monkeypatch.setattr(patience, "_FIRST", 0.001)
    return Bucket("memory://bucket/lake", stores.MemoryStore())


def failing(monkeypatch, bucket: Bucket, name: str, failures: Iterator[Exception | None]) -> None:
    """Have calls of the store come through, and then fail as told; None does not."""
    real = getattr(bucket._store, name)

    def call(*words):
        done, failure = real(*words), next(failures)
        if failure is not None:
            raise failure
        return done

    monkeypatch.setattr(bucket._store, name, call)


LOST = OSError("error sending request")
SLOW = OSError("Server returned non-2xx status code: 503: <Error><Code>SlowDown</Code>")


def test_a_put_whose_answer_was_lost_is_known_again(bucket, monkeypatch):
    failing(monkeypatch, bucket, "put", iter([LOST, None]))
    version = bucket.put("a", b"1", None)
    assert bucket.read("a") == (b"1", version)


def test_a_folder_below_is_a_place_in_the_same_store(bucket):
    below = bucket.below("unsettled")
    below.put("a", b"1", None)
    assert below.url == "memory://bucket/lake/unsettled"
    assert bucket.read("unsettled/a")[0] == b"1"


def test_deleting_leaves_nothing(bucket):
    bucket.delete("a", bucket.put("a", b"1", None))
    assert bucket._store.list("") == []


def stone(bucket: Bucket, monkeypatch) -> None:
    """Leave the stone of a writer that died before it deleted."""
    monkeypatch.setattr(bucket._store, "delete", lambda _: None)
    bucket.delete("a", bucket.put("a", b"1", None))
    monkeypatch.undo()
    assert [key for key, _ in bucket._store.list("")] == ["a"]


def test_a_stone_counts_as_nothing(bucket, monkeypatch):
    stone(bucket, monkeypatch)
    assert list(bucket.list("")) == []
    for read in (bucket.read, bucket.written_at):
        with pytest.raises(FileNotFoundError):
            read("a")
    bucket.delete("a", bucket._store.head("a").version._replace(tag="older"))


def test_a_stone_gives_way_when_nobody_can_be_about_to_delete_it(bucket, monkeypatch):
    stone(bucket, monkeypatch)
    placed = bucket._store.head("a").time
    monkeypatch.setattr(bucket, "now", lambda: placed + int(_OLD))
    with pytest.raises(Conflict):
        bucket.put("a", b"2", None)
    monkeypatch.setattr(bucket, "now", lambda: placed + int(_OLD) + 1)
    bucket.put("a", b"2", None)
    assert bucket.read("a")[0] == b"2"


def test_a_deletion_without_an_answer_is_told_in_two_lines(bucket, monkeypatch, caplog):
    def lost(_key):
        raise LOST

    monkeypatch.setattr(bucket._store, "delete", lost)
    bucket.delete("a", bucket.put("a", b"1", None))
    assert "a deletion got no answer" in caplog.text
    placed = bucket._store.head("a").time
    monkeypatch.setattr(bucket, "now", lambda: placed + 30_000)
    with pytest.raises(Removing) as caught:
        bucket.put("a", b"2", None)
    said = str(caught.value).splitlines()
    assert len(said) == 2
    assert "memory://bucket/lake/a was deleted" in said[0]
    assert "ask again in 130 s" in said[1]
    assert caught.value.left == 130


def test_a_deletion_that_came_through_without_an_answer_blocks_nothing(bucket, monkeypatch, caplog):
    version = bucket.put("a", b"1", None)
    failing(monkeypatch, bucket, "delete", iter([LOST]))
    bucket.delete("a", version)
    assert caplog.text == ""
    bucket.put("a", b"2", None)


def test_a_deletion_that_was_turned_away_is_sent_again(bucket, monkeypatch, caplog):
    real, answers = bucket._store.delete, [SLOW, SLOW]

    def delete(key):
        if answers:
            raise answers.pop()
        real(key)

    monkeypatch.setattr(bucket._store, "delete", delete)
    bucket.delete("a", bucket.put("a", b"1", None))
    assert bucket._store.list("") == []
    assert caplog.text == ""


def test_a_copy_is_not_there_where_a_deletion_is_not_over(bucket, monkeypatch):
    stone(bucket, monkeypatch)
    version = bucket.put("b", b"2", None)
    with pytest.raises(Removing):
        bucket.copy("b", version, "a")


def test_an_object_as_long_as_a_stone_is_an_object(bucket, monkeypatch):
    stone(bucket, monkeypatch)
    size = bucket._store.head("a").version.size
    bucket.put("b", bytes(size), None)
    assert [key for key, _ in bucket.list("")] == ["b"]


def test_a_late_deleter_leaves_its_stone(bucket, monkeypatch, with_own):
    from marketkit.data.lake.places import bucket as module

    version = bucket.put("a", b"1", None)
    moments = iter([0.0, 21.0])
    with_own(module, module.time, monotonic=lambda: next(moments))
    bucket.delete("a", version)
    assert [key for key, _ in bucket._store.list("")] == ["a"]
    assert list(bucket.list("")) == []


def test_a_copy_never_is_of_a_later_version(bucket, monkeypatch):
    first = bucket.put("a", b"1", None)
    real = bucket._store.copy

    def copy(key: str, target: str) -> None:
        bucket.put("a", b"2", first)
        real(key, target)

    monkeypatch.setattr(bucket._store, "copy", copy)
    with pytest.raises(Conflict):
        bucket.copy("a", first, "b")
    assert [key for key, _ in bucket.list("")] == ["a"]


def test_an_object_of_another_program_is_copied_by_its_bytes(bucket, monkeypatch):
    import obstore

    obstore.put(bucket._store.library, "lake/a", b"1")
    monkeypatch.delattr(bucket._store.__class__, "copy")
    bucket.copy("a", bucket.written_at("a")[0], "b")
    assert bucket.read("b")[0] == b"1"
    assert bucket.below("x").url.endswith("/x")


def test_the_clock_of_a_store_leaves_no_trace(bucket):
    assert bucket.now() > 0
    assert bucket._store.list("") == []


def test_nobody_is_kept_out(bucket):
    with bucket.changing(".locks/a.lock"), bucket.changing(".locks/a.lock"):
        bucket.put("a", b"1", None)


def test_it_shows_its_address(bucket):
    assert repr(bucket) == "Bucket('memory://bucket/lake')"
