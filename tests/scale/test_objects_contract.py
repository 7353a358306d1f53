"""Whatever place objects are in, a folder or any store, it keeps the same promises."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from marketkit.data.lake.format.objects import Conflict, Objects, Version
from marketkit.data.lake.places.bucket import Bucket
from marketkit.data.lake.places.disk import Disk
from tests.waiting import PATIENCE

KEY = "source=upbit/timeframe=1min/series=KRW-BTC/2024-01.parquet"
PLACES = ["disk", "memory", "moto_url", pytest.param("ceph_url", marks=pytest.mark.slow)]


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "disk":
        return Disk(tmp_path / "lake")
    found = request.getfixturevalue(request.param)
    return found if isinstance(found, Bucket) else Bucket(found)


def keys(place: Objects, prefix: str = "") -> list[str]:
    return sorted(key for key, _ in place.list(prefix) if not key.startswith("."))


def test_an_object_reads_as_it_was_put(place):
    version = place.put(KEY, b"candles", None)
    assert version.size == 7
    assert place.read(KEY) == (b"candles", version)
    assert place.read(KEY, version) == (b"candles", version)
    assert dict(place.list(""))[KEY] == version
    assert place.written_at(KEY)[0] == version


def test_an_object_without_bytes_is_one(place):
    version = place.put(KEY, b"", None)
    assert place.read(KEY) == (b"", version)
    assert place.tail(KEY, version, 9) == b""
    assert keys(place) == [KEY]


def test_a_new_object_never_takes_the_place_of_one_that_is_there(place):
    place.put(KEY, b"first", None)
    with pytest.raises(Conflict, match="another writer"):
        place.put(KEY, b"second", None)
    with pytest.raises(Conflict):
        place.put(KEY, b"first", None)
    assert place.read(KEY)[0] == b"first"


def test_a_version_is_replaced_once(place):
    first = place.put(KEY, b"first", None)
    second = place.put(KEY, b"second", first)
    with pytest.raises(Conflict):
        place.put(KEY, b"third", first)
    assert place.read(KEY) == (b"second", second)


def test_an_object_that_is_gone_is_not_replaced(place):
    version = place.put(KEY, b"first", None)
    place.delete(KEY, version)
    with pytest.raises(Conflict):
        place.put(KEY, b"second", version)
    assert keys(place) == []


def test_what_is_not_there_is_a_file_not_found(place):
    for read in (place.read, place.written_at, lambda key: place.tail(key, Version(9, "1:1"), 9)):
        with pytest.raises(FileNotFoundError, match="2024-01"):
            read(KEY)
    with pytest.raises(FileNotFoundError, match="2024-01"):
        place.copy(KEY, Version(9, "1:1"), "b")
    assert keys(place) == []


def test_a_version_that_was_replaced_cannot_be_read(place):
    first = place.put(KEY, b"first", None)
    place.put(KEY, b"second", first)
    with pytest.raises(Conflict):
        place.read(KEY, first)
    with pytest.raises(Conflict):
        place.tail(KEY, first, 2)


def test_a_tail_is_the_last_bytes_or_all(place):
    version = place.put(KEY, b"0123456789", None)
    assert place.tail(KEY, version, 3) == b"789"
    assert place.tail(KEY, version, 10) == b"0123456789"
    assert place.tail(KEY, version, 99) == b"0123456789"


def test_a_list_has_the_keys_that_begin_so(place):
    for key in ("a/one", "a/two/three", "ab", "b/four"):
        place.put(key, b"1", None)
    assert keys(place) == ["a/one", "a/two/three", "ab", "b/four"]
    assert keys(place, "a") == ["a/one", "a/two/three", "ab"]
    assert keys(place, "a/") == ["a/one", "a/two/three"]
    assert keys(place, "a/t") == ["a/two/three"]
    assert keys(place, "c/") == []


def test_names_of_markets_come_back_as_they_went(place):
    names = ["KRW-BTC=x", "100%", "a+b c", "원화", "~tilde", "a&b;c@d", "%2F"]
    for name in names:
        place.put(f"series={name}/2024.parquet", name.encode(), None)
    assert keys(place) == sorted(f"series={name}/2024.parquet" for name in names)
    for name in names:
        assert place.read(f"series={name}/2024.parquet")[0] == name.encode()


def test_a_copy_is_of_the_version_and_stays(place):
    first = place.put(KEY, b"first", None)
    place.copy(KEY, first, "frozen/one")
    second = place.put(KEY, b"second", first)
    place.copy(KEY, second, "frozen/one")
    assert place.read("frozen/one")[0] == b"first"
    with pytest.raises(Conflict):
        place.copy(KEY, first, "frozen/two")
    assert keys(place, "frozen/") == ["frozen/one"]


def test_deleting_is_of_a_version_and_twice_is_once(place):
    first = place.put(KEY, b"first", None)
    second = place.put(KEY, b"second", first)
    with pytest.raises(Conflict):
        place.delete(KEY, first)
    place.delete(KEY, second)
    place.delete(KEY, second)
    assert keys(place) == []
    place.put(KEY, b"third", None)
    assert place.read(KEY)[0] == b"third"


def test_ages_are_by_the_clock_of_the_place(place):
    place.put(KEY, b"1", None)
    _, written = place.written_at(KEY)
    # Stores tell whole seconds; a busy machine may take a minute between the two.
    assert -1000 <= place.now() - written < 60_000
    assert keys(place) == [KEY]


def test_of_many_who_put_at_once_each_is_counted(place):
    place.put(KEY, b"0", None)
    start = threading.Barrier(6)

    def count() -> None:
        start.wait(PATIENCE)
        while True:
            content, version = place.read(KEY)
            try:
                place.put(KEY, str(int(content) + 1).encode(), version)
            except Conflict:
                continue
            return

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: count(), range(6)))
    assert place.read(KEY)[0] == b"6"


def test_of_many_who_make_the_same_object_one_has_it(place):
    start = threading.Barrier(6)

    def make(number: int) -> bool:
        start.wait(PATIENCE)
        try:
            place.put(KEY, b"the same bytes", None)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(make, range(6))) == 1


def test_of_many_who_put_and_delete_none_loses_an_object_that_is_not_named(place):
    """Each object that was put is replaced or deleted by name, or is there in the end."""
    start, put, named = threading.Barrier(4), [], []

    def work(number: int) -> None:
        start.wait(PATIENCE)
        for turn in range(5):
            version = None
            with suppress(FileNotFoundError):
                version = place.written_at(KEY)[0]
            with suppress(Conflict):
                if version is not None and number % 2:
                    place.delete(KEY, version)
                else:
                    put.append(place.put(KEY, f"{number} {turn}".encode(), version))
                named.append(version)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    there = {version for _, version in place.list("source=")}
    assert set(put) - set(named) == there
