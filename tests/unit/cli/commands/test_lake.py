"""`marketkit lake ...`: a file comes in, is frozen, read, compared, published and goes out."""

from __future__ import annotations

import json

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from tests.unit.data.lake.conftest import make_candles


@pytest.fixture
def lake(run, tmp_path):
    def command(*arguments: str) -> tuple[int, str, str]:
        return run("lake", *arguments, "--lake", tmp_path / "lake")

    return command


@pytest.fixture
def minutes(tmp_path):
    """Five minutes of candles, the fourth of them silent."""
    lines = ["timestamp,open,high,low,close,volume,value"]
    lines += [f"2026-01-01T00:0{n}:00Z,10,20,9,{10 + n},1.5,15" for n in (0, 1, 2, 4)]
    path = tmp_path / "minutes.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def imported(lake, minutes):
    code, out, err = lake(
        *("import", str(minutes), "--symbol", "KRW-BTC", "--timeframe", "1m", "--settled"),
        *("--covering", "range"),
    )
    assert code == 0, err
    return out


def test_an_import_says_what_it_took_and_the_lake_proves_it(lake, imported):
    _, out, _ = lake("coverage", "--json")
    (row,) = json.loads(out)
    assert (row["slots"], row["traded"], row["empty"], row["unknown"]) == (5, 4, 1, 0)
    _, out, _ = lake("calendar", "--json")
    (day,) = json.loads(out)
    assert day["slots"] >= 5
    assert day["traded"] > 0


def test_a_file_that_contradicts_the_lake_is_a_revision(lake, imported, minutes):
    minutes.write_text(minutes.read_text().replace("20,9,11,1.5", "20,9,11,1.25"))
    lake("import", str(minutes), "--symbol", "KRW-BTC", "--timeframe", "1m", "--prefer", "file")
    code, out, _ = lake("revisions", "--json")
    (revision,) = json.loads(out)
    assert code == 0
    assert (revision["column"], revision["old"], revision["new"]) == ("volume", 1.5, 1.25)


def test_a_comparison_says_what_differs_and_whether_anything_does(
    lake, imported, minutes, tmp_path
):
    lake("freeze", "before")
    code, out, _ = lake("diff", "before", "--json")
    assert (code, json.loads(out)) == (0, [])
    minutes.write_text(minutes.read_text().replace("20,9,11,1.5", "20,9,11,1.25"))
    lake("import", str(minutes), "--symbol", "KRW-BTC", "--timeframe", "1m", "--prefer", "file")
    code, out, _ = lake("diff", "before", "--json")
    (span,) = json.loads(out)
    assert (code, span["difference"], span["slots"]) == (1, "changed", 1)
    code, out, _ = lake("diff", "before", str(tmp_path / "lake"), "--by", "rows", "--json")
    (number,) = json.loads(out)
    assert (code, number["column"], number["a"], number["b"]) == (1, "volume", 1.5, 1.25)
    lake("thaw", "before", str(tmp_path / "thawed"))
    assert lake("diff", "before", str(tmp_path / "thawed"))[0] == 0
    code, out, _ = lake("diff", "before", str(tmp_path / "lake"), "--timeframe", "1h", "--json")
    assert (code, json.loads(out)) == (0, [])
    code, _, err = lake("diff", "befor")
    assert code == 2
    assert "did you mean 'before'" in err


def test_what_only_one_knows_is_a_difference_although_it_has_no_rows_to_tell_of(
    lake, imported, tmp_path
):
    lake("freeze", "before")
    Lake(tmp_path / "lake").append("KRW-ETH", "1m", make_candles([]), Spans([(0, 60_000)]))
    code, out, _ = lake("diff", "before", "--by", "rows", "--json")
    assert (code, json.loads(out)) == (1, [])


def test_a_frozen_set_is_listed_verified_cited_thawed_and_deleted(lake, imported, tmp_path):
    code, out, _ = lake("freeze", "paper", "--json")
    assert code == 0
    assert [each["name"] for each in json.loads(out)] == ["paper"]
    assert lake("freeze", "paper")[0] == 2
    assert lake("verify", "paper")[0] == 0
    assert "@misc" in lake("cite", "paper")[1]
    code, out, _ = lake("thaw", "paper", str(tmp_path / "other"), "--json")
    assert json.loads(out)[0]["rows"] == 4
    frozen = next((tmp_path / "lake" / "snapshots" / "paper").rglob("*.parquet"))
    content = bytearray(frozen.read_bytes())
    content[len(content) // 2] ^= 1
    frozen.unlink()
    frozen.write_bytes(content)
    assert lake("verify", "paper")[0] == 1
    assert lake("delete", "paper")[0] == 0
    assert lake("verify", "paper")[0] == 2


def test_audit_finds_and_repair_mends(lake, imported, tmp_path):
    assert lake("audit")[0] == 0
    series = next((tmp_path / "lake" / "candles").rglob("series=KRW-BTC"))
    (series / "2026-02.parquet").write_bytes(b"no candles")
    code, out, _ = lake("audit", "--json")
    assert code == 1
    assert any("2026-02" in finding["path"] for finding in json.loads(out))
    assert lake("repair", "--dry-run")[0] == 0
    assert lake("audit")[0] == 1
    assert lake("repair")[0] == 0
    assert lake("audit")[0] == 0
    assert list((tmp_path / "lake" / "corrupt").rglob("*2026-02*"))


def test_own_candles_that_differ_from_made_ones_are_told_and_no_failure(lake, tmp_path):
    midnight = 1_767_225_600_000  # 2026-01-01
    store, day = Lake(tmp_path / "lake"), Spans([(midnight, midnight + 24 * 3_600_000)])
    store.append("KRW-BTC", "1h", make_candles(range(*next(iter(day)), 3_600_000)), day)
    store.append("KRW-BTC", "1d", make_candles([midnight], open=99.0, low=99.0), day)
    code, out, _ = lake("audit", "--json")
    (finding,) = json.loads(out)
    assert (code, finding["finding"]) == (0, "differs")


def test_candles_go_out_and_come_back(lake, imported, tmp_path):
    path = tmp_path / "out.parquet"
    assert lake("export", str(path), "--timeframe", "1m")[0] == 0
    assert lake("export", str(path), "--timeframe", "1m")[0] == 2
    assert lake("export", str(path), "--timeframe", "1m", "--overwrite")[0] == 0
    code, out, _ = lake("import", str(path), "--symbol", "KRW-BTC", "--timeframe", "1m", "--json")
    assert code == 0
    assert json.loads(out)["changed"] == 0


def test_sql_and_delta_read_what_is_there(lake, imported):
    code, out, _ = lake("sql", "select count(*) as n, max(close) as top from candles", "--json")
    assert code == 0
    assert json.loads(out) == [{"n": 4, "top": 14.0}]
    lake("freeze", "paper")
    code, out, _ = lake("publish", "paper", "--json")
    assert code == 0
    assert "table" in json.loads(out)
    assert lake("sql", "selekt", "--json")[0] == 2


def test_a_timeframe_that_does_not_exist_is_bad_usage(lake):
    code, out, err = lake("gaps", "--timeframe", "1min")
    assert (code, out) == (2, "")
    assert "did you mean '1m'" in err


def test_what_is_missing_between_two_files_is_listed_symbol_by_symbol(lake, imported):
    span = ("--start", "2026-01-01", "--end", "2026-01-01T00:10")
    code, out, _ = lake("gaps", "KRW-BTC", *span, "--json")
    (gap,) = json.loads(out)
    assert code == 0
    assert (gap["start"], gap["slots"]) == ("2026-01-01T00:05:00.000+00:00", 5)
    assert json.loads(lake("ls", "--json")[1])[0]["rows"] == 4
