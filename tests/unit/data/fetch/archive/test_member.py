"""A zip of the archive has the one member that its name says, and no more bytes than are sane."""

from __future__ import annotations

import zipfile

import pytest

from marketkit.data.fetch.archive import member
from marketkit.data.fetch.archive.member import lines_of
from marketkit.errors import BadResponse

MOST = 1 << 20
ROW = "2025-01-01T00:00:00,1,1,1,1,1,1"


def content(path, file, most=MOST):
    return b"".join(lines_of(path, file, most))


def test_the_rows_come_without_the_header(day, zipped):
    assert content(zipped(day, ROW), day) == f"{ROW}\n".encode()
    assert content(zipped(day), day) == b""


def test_a_mark_of_utf_8_and_ends_of_windows_are_taken(day, zipped):
    assert content(zipped(day, ROW, header="\ufeff" + day.header, end="\r\n"), day)


def test_blocks_end_where_lines_end(day, zipped, monkeypatch):
    monkeypatch.setattr(member, "BLOCK", 100)
    path = zipped(day, *[ROW] * 1000)
    blocks = list(lines_of(path, day, MOST))
    assert len(blocks) > 100
    assert all(block.endswith(b"\n") for block in blocks)
    assert b"".join(blocks) == f"{ROW}\n".encode() * 1000


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([("a.csv", b"x"), ("b.csv", b"y")], "holds 2 members"),
        ([], "holds 0 members"),
        ([("../KRW-BTC_candle-1m_20250101.csv", b"x")], "holds '../KRW-BTC"),
        ([("KRW-BTC_candle-1m_20250102.csv", b"x")], "holds 'KRW-BTC_candle-1m_20250102.csv'"),
    ],
)
def test_another_member_is_refused_by_name(day, zipped, tmp_path, members, said):
    path = zipped(day, members=members or None)
    if not members:
        path.write_bytes(b"PK\x05\x06" + bytes(18))
    with pytest.raises(BadResponse, match=said) as caught:
        content(path, day)
    assert str(caught.value).startswith(day.key)


def test_another_header_is_refused(day, zipped):
    other = "date_time_utc,open,high,low,close,acc_trade_volume,acc_trade_price"
    with pytest.raises(BadResponse, match="has the header"):
        content(zipped(day, ROW, header=other), day)


def test_a_bomb_is_refused_before_it_is_unpacked(day, zipped):
    bomb = [(day.member, f"{day.header}\n".encode() + b" " * (64 << 20))]
    with pytest.raises(BadResponse, match=r"unpacks to more than 3[0-9]{2},[0-9]{3} bytes"):
        content(zipped(day, members=bomb), day, 1 << 30)


def test_the_bound_for_trades_is_the_callers(trades, zipped):
    path = zipped(trades, *["0,1735689600000,1,1,BID"] * 1000)
    assert content(path, trades)
    with pytest.raises(BadResponse, match="unpacks to more than 9,000 bytes"):
        content(path, trades, 9000)


@pytest.mark.parametrize("cut", [0, 1, 10, 100])
def test_a_cut_zip_is_refused(day, zipped, cut):
    path = zipped(day, *[ROW] * 100)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(BadResponse, match="is no whole zip"):
        content(path, day)


def test_a_flipped_bit_is_refused(day, zipped):
    path = zipped(day, *[ROW] * 100)
    whole = bytearray(path.read_bytes())
    whole[80] ^= 1
    path.write_bytes(whole)
    with pytest.raises(BadResponse, match="it was not taken"):
        content(path, day)


def test_members_that_are_not_deflated_are_read_too(day, tmp_path):
    path, text = tmp_path / "stored.zip", f"{day.header}\n{ROW}\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        packed.writestr(day.member, text)
    assert content(path, day) == f"{ROW}\n".encode()
