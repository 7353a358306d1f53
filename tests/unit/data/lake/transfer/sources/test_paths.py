"""Which files are meant, and what their names say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from marketkit.data.lake.transfer.sources.paths import files_of, kind_of, period_in, stem_of
from marketkit.errors import InputError


@pytest.fixture
def folder(tmp_path):
    for name in (
        "b.csv",
        "a.csv.gz",
        "c/d.parquet",
        ".hidden.csv",
        "_x.csv",
        "e.csv~",
        "f.csv.tmp",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    (tmp_path / "README.md").write_text("x")
    return tmp_path


def names(folder, found):
    return [path.relative_to(folder).as_posix() for path in found]


def test_a_folder_means_the_tables_below_it_sorted(folder):
    assert names(folder, files_of(folder)) == ["a.csv.gz", "b.csv", "c/d.parquet"]


def test_a_glob_means_its_matches_and_a_list_keeps_its_order(folder):
    assert names(folder, files_of(f"{folder}/*.csv")) == ["_x.csv", "b.csv"]
    assert names(folder, files_of(str(folder / "**" / "*.parquet"))) == ["c/d.parquet"]
    given = [folder / "c" / "d.parquet", str(folder / "b.csv"), folder / "b.csv"]
    assert names(folder, files_of(given)) == ["c/d.parquet", "b.csv"]


def test_a_file_may_have_the_name_of_a_glob(folder):
    path = folder / "KRW-[BTC].csv"
    path.write_text("x")
    assert files_of(str(path)) == [path]


def test_a_home_is_found(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    assert files_of("~/b.csv") == [folder / "b.csv"]


@pytest.mark.parametrize("given", ["*.xyz", "empty", "out.parqet", "a.xls"])
def test_what_means_no_file_of_candles_is_refused(folder, given):
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match=r"one of \.csv"):
        files_of(folder / given if "*" not in given else str(folder / given))
    with pytest.raises(InputError, match="the list is empty"):
        files_of([])


def test_what_is_not_there_is_said_not_to_be(folder):
    with pytest.raises(InputError, match="gone: no such file or folder"):
        files_of(folder / "gone")


def test_kinds_are_known_in_any_letters():
    assert kind_of("A.CSV") == (".csv", "")
    assert kind_of("a.json.gz") == (".json", ".gz")
    assert kind_of("KRW-BTC.2024.zip") == ("", ".zip")
    assert stem_of("KRW-BTC.2024.zip") == "KRW-BTC.2024"


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("KRW-BTC_candle-1m_20250115", "2025-01-15", "2025-01-16"),
        ("KRW-BTC_candle-1m_20250115 (1)", "2025-01-15", "2025-01-16"),
        ("KRW-BTC_candle-1s_202512", "2025-12-01", "2026-01-01"),
        ("BTC-ETH_candle-week_20250113", "2025-01-13", "2025-01-20"),
    ],
)
def test_a_name_of_the_archive_says_its_days(name, start, end):
    span = tuple(
        int(datetime.fromisoformat(each).replace(tzinfo=UTC).timestamp()) * 1000
        for each in (start, end)
    )
    assert period_in(name) == span


@pytest.mark.parametrize(
    "name", ["KRW-BTC_20250115", "KRW-BTC_candle-1m_20251301", "KRW-BTC_candle-1m_2025", "2025-01"]
)
def test_other_names_are_not_believed(name):
    assert period_in(name) is None
