"""The first sheet of a workbook, where a reader of workbooks is installed."""

from __future__ import annotations

import sys

import pytest

from marketkit.data.lake.transfer.sources.sheets import read_sheet
from marketkit.errors import InputError, MissingExtra
from tests.people.workbook import workbook


def test_cells_below_the_header_are_text():
    pytest.importorskip("fastexcel")
    content = workbook(
        ["내 자료"],
        ["일시", "시가", "고가", "저가"],
        ["2024-01-01 09:00", 139394000.0, 4e-8, 1409688092.66641],
    )
    frame = read_sheet(content, {})
    assert frame.columns == ["일시", "시가", "고가", "저가"]
    assert [frame["일시"][0], *map(float, frame.row(0)[1:])] == [
        *("2024-01-01 09:00", 139394000.0, 4e-8, 1409688092.66641)
    ]


def test_days_are_days_and_not_their_midnights():
    pytest.importorskip("fastexcel")
    midnights = ["2024-01-01 00:00:00", "2024-01-02 00:00:00"]
    content = workbook(["날짜", "시가", "고가"], *([each, 1.5, 1.5] for each in midnights))
    assert read_sheet(content, {})["날짜"].to_list() == ["2024-01-01", "2024-01-02"]


def test_what_is_no_workbook_is_named():
    pytest.importorskip("fastexcel")
    with pytest.raises(InputError, match="no whole Excel workbook"):
        read_sheet(b"rot", {})


def test_without_a_reader_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "fastexcel", None)
    with pytest.raises(MissingExtra, match=r"pip install 'marketkit-upbit\[excel\]'"):
        read_sheet(workbook(["time"]), {})
