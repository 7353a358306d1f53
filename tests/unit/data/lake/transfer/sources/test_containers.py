"""What is packed is unpacked with care, and what is no file of candles is named."""

from __future__ import annotations

import gzip
import io
import zipfile
from contextlib import suppress

import pytest

from marketkit.data.lake.transfer.sources.containers import unpack
from marketkit.errors import InputError


def zipped(*members, password=False):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members:
            packed.writestr(name, content)
    content = file.getvalue()
    if password:  # the flag of the member, as the list at the end and its own head say it
        at = content.index(b"PK\x01\x02") + 8
        content = content[:6] + b"\x01" + content[7:at] + b"\x01" + content[at + 1 :]
    return content


@pytest.fixture
def taken(tmp_path):
    def take(name, content):
        (tmp_path / name).write_bytes(content)
        return unpack(tmp_path / name)

    return take


def test_a_plain_file_is_its_bytes(taken):
    assert taken("a.csv", b"time") == ("a.csv", b"time")


def test_gzip_is_known_by_its_name_and_by_its_bytes(taken):
    packed = gzip.compress(b"time")
    assert taken("a.csv.gz", packed) == ("a.csv", b"time")
    assert taken("a.csv", packed) == ("a.csv", b"time")


def test_the_one_member_of_a_zip_is_taken_whatever_a_system_adds(taken):
    members = [("b.csv", "time"), ("__MACOSX/._b.csv", "x"), ("folder/", ""), (".DS_Store", "x")]
    assert taken("a.zip", zipped(*members)) == ("b.csv", b"time")
    assert taken("a.csv", zipped(("b.csv", "time"))) == ("b.csv", b"time")
    assert taken("a.zip", zipped(("KRW-BTC", "time"))) == ("KRW-BTC", b"time")


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.zip", zipped(("a.csv", "1"), ("b.csv", "2")), "holds 2 files"),
        ("a.zip", zipped(), "holds 0 files"),
        ("a.zip", zipped(("../a.csv", "1")), r"'../a\.csv', a name that leads out"),
        ("a.zip", zipped(("/etc/a.csv", "1")), "leads out"),
        ("a.zip", zipped(("..\\a.csv", "1")), "leads out"),
        ("a.zip", zipped(("a.exe", "1")), "none of .csv"),
        ("a.zip", zipped(("a.zip", "1")), "none of .csv"),
        ("a.zip", zipped(("a.csv", "1"), password=True), "behind a password"),
        ("a.zip", zipped(("a.csv", b"0" * 4_000_000)), "unpacks to more than 1 MiB"),
        ("a.csv.gz", gzip.compress(b"0" * 4_000_000), "unpacks to more than 1 MiB"),
        ("a.zip", b"PK\x03\x04 and rot", "no whole zip"),
        ("a.zip", zipped(("a.csv", "1" * 99))[:-30], "no whole zip"),
        ("a.csv.gz", gzip.compress(b"time")[:-9], "no whole gzip"),
        ("a.csv.gz", b"rot", "no whole gzip"),
        ("a.csv", b"", "the file is empty"),
        ("a.csv", b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        ("a.csv", b"<!DOCTYPE html>", "a page of a website"),
    ],
)
def test_what_cannot_be_unpacked_safely_is_refused(taken, name, content, match):
    with pytest.raises(InputError, match=match):
        taken(name, content)


@pytest.mark.parametrize("at", range(0, 120, 7))
def test_a_zip_with_a_byte_missing_is_whole_or_refused_in_our_words(taken, at):
    content = zipped(("a.csv", "time"))
    with suppress(InputError):
        assert taken("a.zip", content[:at] + content[at + 1 :]) == ("a.csv", b"time")


def test_a_file_that_is_not_there_is_told_in_the_words_of_the_system(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        unpack(tmp_path / "gone.csv")
