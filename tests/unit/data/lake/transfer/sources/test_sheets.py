"""The first sheet of a workbook, where a reader of workbooks is installed."""

from __future__ import annotations

import io
import sys
import zipfile

import pytest

from marketkit.data.lake.transfer.sources.sheets import read_sheet
from marketkit.errors import InputError, MissingExtra

_BOOK = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


def workbook(*rows):
    """Write a workbook of one sheet by hand: texts and numbers."""
    cells = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
    sheet = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{cells}</sheetData></worksheet>'
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for name, text in {**_BOOK, "xl/worksheets/sheet1.xml": sheet}.items():
            packed.writestr(name, text)
    return file.getvalue()


def _cell(value):
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
    return f"<c><v>{value!r}</v></c>"


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
