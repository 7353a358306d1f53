"""Files go into the lake from the command line, or are only looked at."""

from __future__ import annotations

import json
import shlex

import pytest

from marketkit.data.lake import Lake

KOREAN = "일시,시가,고가,저가,종가,거래량,거래대금,종목\n2024-01-01 09:00,1,4,0.5,2,10,20,BTC/KRW\n"


@pytest.fixture
def korean(tmp_path):
    path = tmp_path / "자료.csv"
    path.write_bytes(KOREAN.encode("cp949"))
    return path


@pytest.fixture
def take(run, tmp_path):
    def command(*arguments):
        shared = ("--timeframe", "1m", "--lake", tmp_path / "lake")
        return run("lake", "import", *arguments, *shared)

    return command


def test_the_market_that_a_file_names_is_taken_where_none_is_said(take, korean, tmp_path):
    code, out, err = take(korean, "--tz", "Asia/Seoul", "--settled")
    assert code == 0, err
    assert "KRW-BTC 1m, 2024-01-01T00:00:00Z" in out
    assert Lake(tmp_path / "lake").read("KRW-BTC", "1m").height == 1


def test_a_look_shows_columns_and_rows_and_changes_nothing(take, korean, tmp_path):
    code, out, err = take(korean, "--tz", "Asia/Seoul", "--dry-run")
    assert code == 0, err
    assert "자료.csv as by --columns" in out
    assert "time=일시,open=시가,high=고가" in out
    assert "KRW-BTC" in out
    assert not (tmp_path / "lake").exists()


def test_what_a_look_says_of_columns_can_be_given_as_it_is(take, korean):
    _, out, _ = take(korean, "--tz", "Asia/Seoul", "--dry-run")
    line = next(line for line in out.splitlines() if "--columns" in line)
    (said,) = shlex.split(line.partition("--columns")[2])
    code, again, err = take(korean, "--tz", "Asia/Seoul", "--dry-run", "--columns", said)
    assert code == 0, err
    assert again == out


def test_a_look_for_programs_is_one_object(take, korean):
    code, out, _ = take(korean, "--tz", "Asia/Seoul", "--dry-run", "--json")
    told = json.loads(out)
    assert (code, told["symbol"], told["rows"]) == (0, "KRW-BTC", 1)
    assert told["columns"]["open"] == "시가"
    assert told["first"][0]["time"] == "2024-01-01T00:00:00Z"


def test_columns_zone_and_encoding_are_said_in_options(take, tmp_path):
    path = tmp_path / "given.csv"
    path.write_bytes("t,a,b,c,d,e,f\n2024-01-01 09:00,1,4,0.5,2,10,x\n".encode("utf-16-le"))
    given = (
        *("--columns", "time=t,open=a,high=b", "--columns", "low=c,close=d,volume=e"),
        *("--encoding", "utf-16-le", "--tz", "UTC", "--symbol", "BTC/KRW", "--symbol-column", "-"),
        "--settled",
    )
    code, out, err = take(path, *given)
    assert code == 0, err
    assert "KRW-BTC 1m, 2024-01-01T09:00:00Z" in out


def test_another_column_may_name_the_market(take, tmp_path):
    path = tmp_path / "given.csv"
    path.write_text("time,open,high,low,close,volume,what\n2024-01-01T00:00Z,1,1,1,1,1,KRW_ETH\n")
    code, out, err = take(path, "--symbol-column", "what")
    assert code == 0, err
    assert "as KRW-ETH" in out


@pytest.mark.parametrize(
    ("option", "value", "match"),
    [
        ("--columns", "time", "names no column: write OURS=THEIRS"),
        ("--covering", "2024-01-01", "covers nothing: write rows, range, or a start and an end"),
        ("--prefer", "me", "invalid choice"),
    ],
)
def test_an_option_that_says_nothing_is_bad_usage(take, korean, capsys, option, value, match):
    with pytest.raises(SystemExit) as ended:
        take(korean, option, value)
    assert ended.value.code == 2
    assert match in capsys.readouterr().err


def test_options_about_claims_reach_the_import(take, korean, tmp_path):
    given = ("--tz", "Asia/Seoul", "--covering", "2024-01-01,2024-01-01T00:05", "--duplicates")
    code, out, err = take(korean, *given, "first", "--prefer", "file", "--force")
    assert code == 0, err
    assert "5 slots claimed, 4 of them empty" in out


def test_a_bad_file_may_be_left_out_and_the_exit_code_says_so(take, korean, tmp_path):
    (tmp_path / "bad.csv").write_bytes(b"")
    given = (korean, tmp_path / "bad.csv", "--tz", "Asia/Seoul")
    assert take(*given)[0] == 2
    code, out, _ = take(*given, "--on-error", "skip")
    assert code == 3
    assert "1 files refused" in out
    assert "bad.csv: cannot be read" in out
    code, out, _ = take(*given, "--on-error", "skip", "--json")
    assert (code, len(json.loads(out)["failures"])) == (3, 1)


def test_a_bad_file_ends_with_bad_usage_and_its_name(take, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("time,open,high,low,close,volume\n2024-01-01T00:00Z,1,1,1,one,1\n")
    code, _, err = take(path, "--symbol", "KRW-BTC")
    assert code == 2
    assert "bad.csv: row 1, column 'close': 'one' is no number" in err
