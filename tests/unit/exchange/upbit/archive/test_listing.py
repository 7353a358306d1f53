"""A listing is read whole or refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.errors import BadResponse
from marketkit.exchange.upbit.archive.listing import (
    Entry,
    file_request,
    listing_request,
    moment_of,
    read_listing,
)

FOLDER = "candle/KRW-BTC/daily/1m"
YEAR = {"key": f"{FOLDER}/2025", "size": 0, "lastModified": None, "type": "DIRECTORY"}
FILE = {"key": f"{FOLDER}/x.zip", "size": 9, "lastModified": "2025-01-02T01:00:00Z", "type": "FILE"}


def test_a_folder_is_asked_for_without_slashes_around():
    request = listing_request(FOLDER)
    assert (request.path, request.params) == (
        "/api/v1/market-data/listing",
        (("prefix", FOLDER),),
    )
    assert file_request("a/b.zip").path == "/a/b.zip"


def test_folders_and_files_are_read_as_they_are_listed():
    assert read_listing(json.dumps([YEAR, FILE]).encode(), FOLDER) == (
        Entry(f"{FOLDER}/2025", 0, None, is_folder=True),
        Entry(f"{FOLDER}/x.zip", 9, "2025-01-02T01:00:00Z", is_folder=False),
    )
    assert read_listing(b"[]", FOLDER) == ()


@pytest.mark.parametrize("modified", [None, 1735779600000, 1735779600.5, "yesterday"])
def test_a_time_in_another_spelling_is_kept_as_text(modified):
    (entry,) = read_listing(json.dumps([FILE | {"lastModified": modified}]).encode(), FOLDER)
    assert entry.modified == (None if modified is None else str(modified))


def test_a_field_that_is_new_does_no_harm():
    assert read_listing(json.dumps([FILE | {"etag": "x"}]).encode(), FOLDER)[0].size == 9


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"size": -1}, "another shape"),
        ({"size": "9"}, "another shape"),
        ({"size": True}, "another shape"),
        ({"size": 9.0}, "another shape"),
        ({"size": None}, "another shape"),
        ({"type": "LINK"}, "another shape"),
        ({"type": None}, "another shape"),
        ({"type": ["FILE"]}, "another shape"),
        ({"lastModified": {}}, "another shape"),
        ({"lastModified": True}, "another shape"),
        ({"key": f"{FOLDER}/../x.zip"}, "lists the key"),
        ({"key": f"/{FOLDER}/x.zip"}, "lists the key"),
        ({"key": None}, "lists the key"),
        ({"key": "candle/KRW-ETH/daily/1m/x.zip"}, "not in it"),
        ({"key": f"{FOLDER}/2025/x.zip"}, "not in it"),
        ({"key": FOLDER}, "not in it"),
    ],
)
def test_an_entry_of_another_shape_is_an_error(change, said):
    body = json.dumps([YEAR, FILE | change]).encode()
    with pytest.raises(BadResponse, match=said) as told:
        read_listing(body, FOLDER)
    assert str(told.value).count("\n") <= 1


@pytest.mark.parametrize("missing", ["key", "size", "type"])
def test_an_entry_without_a_field_is_an_error(missing):
    entry = {name: value for name, value in FILE.items() if name != missing}
    with pytest.raises(BadResponse):
        read_listing(json.dumps([entry]).encode(), FOLDER)


def test_one_key_twice_is_an_error_unless_it_says_the_same():
    assert len(read_listing(json.dumps([FILE, FILE]).encode(), FOLDER)) == 1
    with pytest.raises(BadResponse, match="twice"):
        read_listing(json.dumps([FILE, FILE | {"size": 10}]).encode(), FOLDER)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"<html>", b'{"files": []}', b"[1]", b"[null]", b"null", b"[" * 100_000,
     b"[" + b"9" * 5000 + b"]", b"\xff\xfe", b'[{"size": NaN}]'],
)  # fmt: skip
def test_an_answer_that_is_no_list_of_entries_is_an_error(body):
    with pytest.raises(BadResponse, match=FOLDER):
        read_listing(body, FOLDER)


@given(st.recursive(st.none() | st.integers() | st.text() | st.booleans(), lambda inner: st.lists(
    inner, max_size=3) | st.dictionaries(st.sampled_from([*FILE, "x"]), inner, max_size=4)))  # fmt: skip
def test_whatever_is_said_is_read_or_refused(said):
    try:
        entries = read_listing(json.dumps(said).encode(), FOLDER)
    except BadResponse:
        return
    assert all(entry.key.startswith(f"{FOLDER}/") for entry in entries)


@pytest.mark.parametrize(
    "said", ["2025-01-02T01:00:00Z", "2025-01-02T10:00:00+09:00", "1735779600", "1735779600000"]
)
def test_a_stamp_is_read_in_every_likely_spelling(said):
    assert moment_of(said) == 1_735_779_600_000


@pytest.mark.parametrize("said", [None, "", "yesterday", "-1", "1e9", "9999-12-31T00:00:00Z"])
def test_a_stamp_that_is_not_understood_is_none(said):
    assert moment_of(said) is None


@given(st.text(max_size=40))
def test_no_stamp_is_an_error(said):
    assert moment_of(said) is None or isinstance(moment_of(said), int)
