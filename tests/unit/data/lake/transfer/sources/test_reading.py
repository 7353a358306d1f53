"""Files into tables: many together, each with its own error, and what their names say."""

from __future__ import annotations

import io
import os
import zipfile

import pytest

from marketkit.data.lake.transfer.sources import reading as module
from marketkit.data.lake.transfer.sources.reading import preview, read_tables
from marketkit.data.lake.transfer.sources.rows import Reading
from marketkit.errors import InputError
from marketkit.timeframe import TIMEFRAMES, parse_time

READING = Reading(TIMEFRAMES["1m"], parse_time("2024-06-01"))
HEADER = "time,open,high,low,close,volume\n"


def row(minute, close=2):
    return f"2024-01-01T09:{minute:02d}:00Z,1,4,0.5,{close},10\n"


@pytest.fixture
def folder(tmp_path):
    for day in range(4):
        (tmp_path / f"{day}.csv").write_text(HEADER + row(day) + row(day + 10))
    return tmp_path


def minutes(tables):
    return [table.rows["time"].dt.minute().to_list() for table in tables]


def test_each_file_is_a_table_of_its_own_rows(folder):
    tables = list(read_tables(folder, READING))
    assert [table.path.name for table in tables] == ["0.csv", "1.csv", "2.csv", "3.csv"]
    assert minutes(tables) == [[day, day + 10] for day in range(4)]


def test_files_of_one_layout_are_made_out_at_once(folder, monkeypatch):
    (folder / "4.csv").write_text("market," + HEADER + "KRW-BTC," + row(5))
    calls = []
    monkeypatch.setattr(
        module, "rows_of", lambda *given, real=module.rows_of: calls.append(1) or real(*given)
    )
    assert len(list(read_tables(folder, READING))) == 5
    assert len(calls) == 2


def test_many_rows_are_not_held_at_once(folder, monkeypatch):
    monkeypatch.setattr(module, "_TOGETHER", 4)
    assert minutes(read_tables(folder, READING)) == [[day, day + 10] for day in range(4)]


def test_a_bad_file_is_an_error_with_its_name_and_row_among_the_others(folder):
    (folder / "1.csv").write_text(HEADER + row(1) + row(2, close="two"))
    (folder / "2.csv").write_bytes(b"")
    tables = list(read_tables(folder, READING))
    assert [isinstance(table, InputError) for table in tables] == [False, True, True, False]
    said = str(tables[1])
    assert said.startswith(
        f"{folder / '1.csv'}: row 2, column 'close': 'two' is no number; columns="
    )
    assert "2.csv: cannot be read: the file is empty" in str(tables[2])


def test_a_table_knows_when_it_was_written_and_what_its_name_says(tmp_path):
    path = tmp_path / "KRW-BTC_candle-1m_20240101.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("KRW-BTC_candle-1m_20240101.csv", HEADER + row(0))
    os.utime(path, ns=(0, 1_704_099_600_123_456_789))
    (table,) = read_tables(path, READING)
    assert (table.written, table.market) == (1_704_099_600_123, "KRW-BTC")
    assert table.period == (parse_time("2024-01-01"), parse_time("2024-01-02"))


def test_the_member_of_a_zip_may_say_what_the_zip_does_not(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("BTC_KRW.csv", HEADER + row(0))
    (tmp_path / "download.zip").write_bytes(file.getvalue())
    (table,) = read_tables(tmp_path, READING)
    assert table.market == "KRW-BTC"


def test_blank_lines_are_no_rows_and_a_header_alone_is_a_table(tmp_path):
    (tmp_path / "a.csv").write_text(HEADER + row(0) + "\n\n" + row(1) + "\n")
    (tmp_path / "b.csv").write_text(HEADER)
    assert minutes(read_tables(tmp_path, READING)) == [[0, 1], []]


def test_files_with_blank_lines_and_headers_in_between_keep_their_own_rows(folder):
    (folder / "1.csv").write_text(HEADER + row(1) + "\n" + row(11))
    (folder / "2.csv").write_text(HEADER + row(2) + HEADER + row(12))
    assert minutes(read_tables(folder, READING)) == [[day, day + 10] for day in range(4)]


def test_files_that_end_without_a_line_end_do_not_run_together(folder):
    (folder / "1.csv").write_text((HEADER + row(1) + row(11)).rstrip())
    assert minutes(read_tables(folder, READING)) == [[day, day + 10] for day in range(4)]


def test_a_look_shows_the_first_rows_and_the_names_of_the_first_good_file(folder):
    (folder / "0.csv").write_bytes(b"")
    path, names, rows = preview(folder, READING, 1)
    assert (path.name, names["close"], rows.height) == ("1.csv", "close", 1)
    with pytest.raises(InputError, match=r"0\.csv: cannot be read"):
        preview(folder / "0.csv", READING, 1)
    (folder / "1.csv").write_text(HEADER + row(1, close="two"))
    with pytest.raises(InputError, match=r"1\.csv: row 1, column 'close'"):
        preview(folder / "1.csv", READING, 1)


def test_a_look_at_one_market_shows_its_rows(tmp_path):
    rows = "".join(f"{market},{row(at)}" for at, market in enumerate(["KRW-BTC", "ETH/KRW"]))
    (tmp_path / "a.csv").write_text(f"market,{HEADER}{rows}")
    (shown,) = preview(tmp_path, READING, 5, "ETHKRW").rows["symbol"]
    assert shown == "KRW-ETH"
