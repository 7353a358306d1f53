"""Listings, zips and checksums fit each other, before and after a fault."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

from marketkit.sandbox.archive.archive import Archive
from marketkit.sandbox.control import moment
from marketkit.sandbox.faulty.strikes import Fault

NOW = moment("2025-03-05T10:00")
MINUTES = "candle/KRW-BTC/daily/1m/2025"
DAY = f"{MINUTES}/KRW-BTC_candle-1m_20250102"
KEY = f"{DAY}.zip"


def entries(archive, folder=MINUTES):
    return {each["key"]: each for each in json.loads(archive.listing(folder, NOW))}


def test_sizes_and_checksums_are_those_of_the_zips(archive):
    listed = entries(archive)
    assert listed[KEY] == {
        "key": KEY, "size": 58_000, "lastModified": "2025-01-03T01:00:00Z", "type": "FILE",
    }  # fmt: skip
    assert listed[f"{KEY}.checksum"]["size"] == 64
    for key in (KEY, f"{MINUTES}/KRW-BTC_candle-1m_20250228.zip"):
        file = archive.file(key, NOW)
        packed = archive.zip(file)
        assert len(packed) == listed[key]["size"]
        assert archive.checksum(file).decode() == hashlib.sha256(packed).hexdigest()
        with zipfile.ZipFile(io.BytesIO(packed)) as content:
            assert content.namelist() == [f"{file.stem}.csv"]


def test_another_archive_has_the_same_bytes(markets, archive):
    file = archive.file(KEY, NOW)
    assert Archive(markets).zip(file) == archive.zip(file)


def test_folders_have_no_size_and_no_date(archive):
    assert entries(archive, "candle/KRW-BTC")["candle/KRW-BTC/daily"] == {
        "key": "candle/KRW-BTC/daily", "size": 0, "lastModified": None, "type": "DIRECTORY",
    }  # fmt: skip
    assert entries(archive, "nothing") == {}


def test_a_fault_stays_until_all_is_restored(archive):
    file, before = archive.file(KEY, NOW), archive.zip(archive.file(KEY, NOW))
    archive.alter(file, [Fault("republished", "1.5")])
    assert archive.suffers(file, "republished")
    assert entries(archive)[KEY]["size"] == len(archive.zip(file)) == 58_064
    assert entries(archive)[KEY]["lastModified"] == "2025-01-04T01:00:00Z"
    assert archive.checksum(file).decode() == hashlib.sha256(archive.zip(file)).hexdigest()
    archive.restore()
    assert archive.zip(file) == before


def test_a_wrong_checksum_is_of_nothing_there(archive):
    file = archive.file(KEY, NOW)
    archive.alter(file, [Fault("wrong-checksum", "")])
    digest = archive.checksum(file).decode()
    assert len(digest) == 64
    assert digest != hashlib.sha256(archive.zip(file)).hexdigest()


def test_what_is_unlisted_is_not_there(archive):
    file = archive.file(KEY, NOW)
    archive.alter(file, [Fault("unlisted", "")])
    assert KEY not in entries(archive)
    assert archive.zip(file) is archive.checksum(file) is None


def test_years_of_listings_need_no_zip(archive):
    for month in range(1, 13):
        assert entries(archive, "candle/KRW-BTC/monthly/1m/2024"), month
    assert not archive._made


def test_a_zip_is_made_once_unless_a_fault_changes_it(archive):
    file = archive.file(KEY, NOW)
    packed = archive.zip(file)
    archive.alter(file, [])
    assert archive.zip(file) is packed
    archive.alter(file, [Fault("header-only", "")])
    assert archive.zip(file) != packed
