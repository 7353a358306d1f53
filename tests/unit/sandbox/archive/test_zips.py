"""Zips of a size known before, the same byte for byte, that every reader reads."""

from __future__ import annotations

import io
import random
import zipfile

import pytest

from marketkit.sandbox.archive.zips import member, zipped

CONTENT = b"".join(b"%d,%d\n" % (n, random.Random(n).getrandbits(40)) for n in range(2000))


@pytest.mark.parametrize("more", range(12))
def test_a_zip_has_the_size_that_was_promised(more):
    bare = len(zipped([member("a.csv", CONTENT)]))
    packed = zipped([member("a.csv", CONTENT)], bare + more)
    assert len(packed) == bare + more
    with zipfile.ZipFile(io.BytesIO(packed)) as file:
        assert file.testzip() is None
        assert file.namelist() == ["a.csv"]
        assert file.read("a.csv") == CONTENT


def test_one_that_is_larger_anyway_stays_whole():
    packed = zipped([member("a.csv", CONTENT)], 10)
    with zipfile.ZipFile(io.BytesIO(packed)) as file:
        assert file.read("a.csv") == CONTENT


def test_several_members_are_all_there():
    members = [member("a.csv", CONTENT), member("../b.csv", b""), member("c", b"x")]
    packed = zipped(members, 60_000)
    assert len(packed) == 60_000
    with zipfile.ZipFile(io.BytesIO(packed)) as file:
        assert [file.read(each) for each in file.namelist()] == [CONTENT, b"", b"x"]


def test_the_bytes_are_the_same_whenever_it_is_made():
    assert zipped([member("a.csv", CONTENT)], 50_000) == zipped([member("a.csv", CONTENT)], 50_000)
