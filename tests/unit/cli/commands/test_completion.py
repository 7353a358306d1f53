"""`marketkit completion`: a script that a shell takes, with the symbols that the lake knows."""

from __future__ import annotations

import shutil
import subprocess

import polars as pl
import pytest

from marketkit.data.lake.markets import Universe
from marketkit.schema import MARKET
from marketkit.timeframe import parse_time

SHELLS = ("bash", "zsh", "fish", "powershell")


@pytest.fixture
def lake(tmp_path):
    """The folder of a lake with the market list of a day."""
    rows = [dict.fromkeys(MARKET) | {"symbol": code} for code in ("KRW-BTC", "KRW-ETH", "USDT-币")]
    lists = Universe(tmp_path / "lake", "upbit")
    markets = pl.DataFrame(rows, schema=dict(MARKET))
    lists.keep(markets, parse_time("2026-11-20"), make=True)
    return tmp_path / "lake"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_has_commands_options_timeframes_and_symbols(run, lake, shell):
    code, out, err = run("completion", shell, "--lake", lake)
    assert (code, err) == (0, "")
    for word in ("backfill", "orderbook", "timeframe", "dry-run", "4h", "KRW-BTC", "KRW-ETH"):
        assert word in out, word
    assert "币" not in out


@pytest.mark.filterwarnings("default")
def test_without_a_market_list_it_says_how_symbols_complete(run, tmp_path):
    code, out, err = run("completion", "bash", "--lake", tmp_path / "none")
    assert code == 0
    assert "backfill" in out
    assert "marketkit market" in err


@pytest.mark.parametrize("wrong", [(), ("tcsh",), ("--json", "bash")])
def test_a_shell_is_needed(run, wrong):
    with pytest.raises(SystemExit) as ended:
        run("completion", *wrong)
    assert ended.value.code == 2


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["lake", "dr"], {"drop"}),
        (["ticker", "KRW-E"], {"KRW-ETH"}),
        (["candles", "KRW-BTC", "--timeframe", "4"], {"4h"}),
        (["plan", "--ord"], {"--order"}),
        (["lake", "du", "--by", "q"], {"quote"}),
    ],
    ids=" ".join,
)
def test_bash_completes_what_was_begun(run, lake, tmp_path, words, completed):
    (tmp_path / "script").write_text(run("completion", "bash", "--lake", lake)[1])
    line = " ".join(["marketkit", *words])
    asked = f"""
. '{tmp_path}/script'
COMP_WORDS=({line}); COMP_CWORD={len(words)}; COMP_LINE='{line}'; COMP_POINT={len(line)}
name=$(complete -p marketkit | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$name" marketkit {words[-1]} {words[-2]}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == completed
