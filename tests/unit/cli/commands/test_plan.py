"""`marketkit plan`: what it wants to be told."""

from __future__ import annotations

import pytest

FILE = '[[universe]]\nsymbols = ["KRW-BTC"]\ndepth = { 1h = "5d" }\n'


@pytest.mark.parametrize("arguments", [(), ("KRW-BTC",), ("--start", "2026-01-01")])
def test_it_wants_symbols_and_a_start_or_a_file(run, capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        run("plan", *arguments)
    assert ended.value.code == 2
    assert "give symbols and --start, or --config FILE" in capsys.readouterr().err


@pytest.mark.parametrize("option", [("--timeframe", "1h"), ("--start", "2026-01-01")])
def test_what_a_file_says_is_not_said_twice(run, tmp_path, option):
    config = tmp_path / "backfill.toml"
    config.write_text(FILE)
    code, _, err = run("plan", "--config", config, *option)
    assert code == 2
    assert f"leave {option[0]} out" in err


def test_a_file_that_is_not_there_is_bad_usage(run, tmp_path):
    code, _, err = run("plan", "--config", tmp_path / "none.toml")
    assert code == 2
    assert "none.toml" in err
