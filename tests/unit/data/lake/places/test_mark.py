"""The mark of a bucket; careless stores are in tests/scale."""

from __future__ import annotations

import json

import pytest

from marketkit.data.lake.places import mark
from marketkit.data.lake.places.bucket import Bucket
from marketkit.errors import CorruptFile, NewerFormat, NotWritable

stores = pytest.importorskip("obstore.store")


@pytest.fixture
def bucket() -> Bucket:
    return Bucket("memory://bucket/lake", stores.MemoryStore())


def test_a_bucket_is_a_lake_once_it_was_prepared(bucket):
    assert not mark.check(bucket)
    mark.prepare(bucket)
    assert mark.check(bucket)
    assert [key for key, _ in bucket.list("")] == ["lake.json"]
    said = json.loads(bucket.read("lake.json")[0])
    assert (said["format"], said["probed"]) == (1, "memory://bucket/lake")


def test_a_mark_that_came_from_another_place_is_no_proof(bucket):
    bucket.put("lake.json", b'{"format": 1, "library": "0.1.0"}', None)
    mark.prepare(bucket)
    assert json.loads(bucket.read("lake.json")[0])["probed"] == bucket.url


def test_preparing_again_writes_nothing(bucket):
    mark.prepare(bucket)
    before = bucket.read("lake.json")
    mark.prepare(Bucket(bucket.url, bucket._store.library))
    assert bucket.read("lake.json") == before


def test_another_who_prepares_at_once_is_no_failure(bucket, monkeypatch):
    other = Bucket(bucket.url, bucket._store.library)
    monkeypatch.setattr(mark, "probe", lambda _: monkeypatch.undo() or mark.prepare(other))
    mark.prepare(bucket)
    assert mark.check(bucket)


def test_a_later_format_is_refused(bucket):
    bucket.put("lake.json", b'{"format": 99}', None)
    for call in (mark.check, mark.prepare):
        with pytest.raises(NewerFormat, match=r"memory://bucket/lake has format 99.*update"):
            call(bucket)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format": "a"}', b"\xff\x00", b"null"])
def test_a_mark_of_nonsense_is_corrupt(bucket, content):
    bucket.put("lake.json", content, None)
    with pytest.raises(CorruptFile, match=r"lake\.json does not say what format"):
        mark.check(bucket)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([True], "takes a new object in the place of one that is there"),
        ([False, False], "refuses an object in the place of the one that is there"),
        ([False, True, True], "takes an object in the place of a newer one"),
    ],
)
def test_a_store_that_keeps_no_conditions_is_named(bucket, monkeypatch, answers, words):
    monkeypatch.setattr(mark, "_is_taken", lambda *_: answers.pop(0))
    with pytest.raises(NotWritable, match=words) as caught:
        mark.prepare(bucket)
    assert len(str(caught.value).splitlines()) == 2
    assert list(bucket.list("")) == []
