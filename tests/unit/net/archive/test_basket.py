"""The basket holds what was verified under its own name, and parts under another."""

from __future__ import annotations

import hashlib

import pytest

from marketkit.errors import BadResponse
from marketkit.net.archive.basket import Basket

KEY = "candle/KRW-BTC/daily/1m/2025/KRW-BTC_candle-1m_20250102.zip"
CONTENT = b"zip"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def basket(tmp_path):
    """An empty basket."""
    return Basket(tmp_path / "zips")


def fill(basket):
    part = basket.part(KEY, DIGEST)
    part.write_bytes(CONTENT)
    return basket.finish(KEY, part)


def test_a_part_becomes_the_zip_and_parts_of_other_versions_go(basket):
    other = basket.part(KEY, "f" * 64)
    other.write_bytes(b"old")
    assert fill(basket) == basket.whole(KEY)
    assert (basket.whole(KEY).read_bytes(), other.exists()) == (CONTENT, False)
    assert list(basket.lying()) == [KEY]


def test_a_zip_counts_only_with_the_bytes_of_the_checksum(basket):
    assert not basket.has(KEY, DIGEST)
    fill(basket)
    assert basket.has(KEY, DIGEST)
    assert not basket.has(KEY, "f" * 64)
    assert not basket.whole(KEY).exists()


def test_what_was_used_goes_and_empty_folders_with_it(basket):
    fill(basket)
    basket.done(KEY)
    basket.done(KEY)
    basket.tidy()
    assert not basket.folder.exists()
    assert list(basket.lying()) == []


def test_what_is_kept_stays(basket):
    kept = Basket(basket.folder, keeps=True)
    fill(kept)
    kept.done(KEY)
    kept.tidy()
    assert list(kept.lying()) == [KEY]


def test_files_of_others_are_none_of_ours(basket):
    fill(basket)
    (basket.folder / "mine.zip").write_bytes(b"")
    assert list(basket.lying()) == [KEY]
    basket.done(KEY)
    basket.tidy()
    assert (basket.folder / "mine.zip").exists()


@pytest.mark.parametrize("key", ["../x", "/x", "a/../../b", "a//b"])
def test_no_key_leads_out_of_the_folder(basket, key):
    with pytest.raises(BadResponse):
        basket.whole(key)
