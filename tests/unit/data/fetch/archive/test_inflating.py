"""A deflated member comes in pieces, whole, or not at all."""

from __future__ import annotations

import io
import random
import zipfile
import zlib

import pytest

from marketkit.data.fetch.archive import inflating
from marketkit.data.fetch.archive.inflating import Inflated

TEXT = ",".join(map(str, random.Random(1).choices(range(10**6), k=30_000))).encode()


@pytest.fixture(autouse=True, params=["isal", "zlib"])
def _with(request, monkeypatch):
    """Unpack with either library: processors without the one have the other."""
    if request.param == "isal":
        pytest.importorskip("isal")
    else:
        monkeypatch.setattr(inflating, "fast_zlib", zlib)


@pytest.fixture
def packed():
    """A zip of one member with an extra field."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packing:
        member = zipfile.ZipInfo("a.csv")
        member.compress_type, member.extra = zipfile.ZIP_DEFLATED, b"\x99\x99\x02\x00xy"
        packing.writestr(member, TEXT)
    return file


def opened(file):
    return Inflated(file, zipfile.ZipFile(file).infolist()[0])


def pieces(stream, size):
    return list(iter(lambda: stream.read(size), b""))


@pytest.mark.parametrize("step", [1, 100, 1 << 20])
@pytest.mark.parametrize("size", [7_000, 1 << 22])
def test_pieces_are_the_member_and_never_longer_than_asked_for(packed, monkeypatch, step, size):
    monkeypatch.setattr(inflating, "_STEP", step)
    found = pieces(opened(packed), size)
    assert b"".join(found) == TEXT
    assert max(map(len, found)) <= size


def test_a_member_without_bytes_is_at_an_end_at_once():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packing:
        packing.writestr("a.csv", b"")
    assert opened(file).read(10) == b""


def test_other_bytes_than_the_directory_says_are_no_member(packed):
    stream = opened(packed)
    stream._member.CRC ^= 1
    with pytest.raises(zipfile.BadZipFile, match="another checksum"):
        pieces(stream, 1 << 20)


def test_a_member_that_ends_too_early_is_none(packed):
    stream = opened(packed)
    stream._left //= 2
    with pytest.raises(zipfile.BadZipFile, match="too early"):
        pieces(stream, 1 << 20)


@pytest.mark.parametrize("place", [0, 30])
def test_a_member_is_where_the_directory_says(packed, place):
    packed.getbuffer()[place] ^= 1
    with pytest.raises(zipfile.BadZipFile, match="not where"):
        opened(packed)


@pytest.mark.parametrize("place", range(60, 6_000, 600))
def test_a_member_with_a_damaged_byte_is_none(packed, place):
    stream = opened(packed)
    packed.getbuffer()[place] ^= 0xFF
    with pytest.raises(zipfile.BadZipFile):
        pieces(stream, 1 << 20)
