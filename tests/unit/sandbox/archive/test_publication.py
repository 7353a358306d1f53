"""Each fault of a published file is the one that it is called."""

from __future__ import annotations

import io
import zipfile

import pytest

from marketkit.sandbox.archive.publication import FILE_KINDS, FILE_VALUES, Publication, published
from marketkit.sandbox.archive.rows import CANDLE_HEADER
from marketkit.sandbox.faulty.strikes import Fault

END = 1_735_862_400_000  # 2025-01-03
ROW = "2025-01-02T00:00:00,1.00000000,2.00000000,1.00000000,2.00000000,3.00000000,2.00000000"
OF = Publication("x.csv", f"{CANDLE_HEADER}\n{ROW}\n".encode(), 600, END, END)
TRADES = Publication(
    "t.csv", b"seq,timestamp,volume,price,ask_bid\n0,5,1.0,2.0,BID\n", 600, END, END
)


def after(kind, of=OF):
    return published(of, [Fault(kind, FILE_VALUES.get(kind, ""))])


def members(of):
    with zipfile.ZipFile(io.BytesIO(of.packed())) as file:
        return {each.filename: file.read(each).decode() for each in file.infolist()}


def test_a_right_file_has_one_member_and_the_promised_size():
    assert members(OF) == {"x.csv": OF.content.decode()}
    assert len(OF.packed()) == 600
    assert published(OF, []) == OF


def test_members_are_two_or_are_called_otherwise():
    assert list(members(after("second-member"))) == ["x.csv", "second.csv"]
    assert list(members(after("renamed-member"))) == ["../member.csv"]


def test_half_a_zip_is_no_zip():
    assert not zipfile.is_zipfile(io.BytesIO(after("truncated-zip").packed()))


def test_headers_are_alone_or_wrong():
    assert members(after("header-only"))["x.csv"] == f"{CANDLE_HEADER}\n"
    assert members(after("wrong-header"))["x.csv"].startswith(FILE_VALUES["wrong-header"])


def test_a_row_lies_outside_of_the_period():
    assert (
        members(after("rows-outside"))["x.csv"].splitlines()[-1].startswith("2025-01-03T00:00:00,")
    )
    assert (
        members(after("rows-outside", TRADES))["t.csv"].splitlines()[-1] == f"0,{END},1.0,2.0,BID"
    )


def test_a_bomb_unpacks_to_more_than_it_should():
    bomb = published(OF, [Fault("zip-bomb", "3")])
    with zipfile.ZipFile(io.BytesIO(bomb.packed())) as file:
        assert file.getinfo("x.csv").file_size == len(OF.content) + 3 * 2**20
        assert file.testzip() is None
    assert len(bomb.packed()) < 20_000


def test_a_file_published_again_has_other_prices_another_size_and_date():
    again = after("republished")
    assert (again.size, again.modified) == (664, END + 86_400_000)
    assert members(again)["x.csv"].splitlines()[1].split(",")[1:5] == [
        "1.01000000", "2.02000000", "1.01000000", "2.02000000",
    ]  # fmt: skip
    assert members(after("republished", TRADES))["t.csv"].endswith("0,5,1.0,2.02000000,BID\n")
    empty = Publication("x.csv", f"{CANDLE_HEADER}\n".encode(), 600, END, END)
    assert members(after("republished", empty)) == members(empty)


def test_the_others_are_marks():
    assert after("wrong-checksum").is_wrong
    assert not after("unlisted").is_listed


@pytest.mark.parametrize("kind", FILE_KINDS)
def test_every_kind_changes_something(kind):
    assert after(kind) != OF
