"""No command dies of a letter that the terminal does not have, on Korean consoles or in ASCII."""

from __future__ import annotations

import io
import json
import shlex
import sys

import pytest

from marketkit.cli.command import Family
from marketkit.cli.commands import demo
from marketkit.cli.main import main
from marketkit.cli.parser import find_commands
from marketkit.sandbox import Sandbox

ENCODINGS = ("cp949", "ascii")
SPAN = "--timeframe 1h --start 2026-11-18 --end 2026-11-19"
# A line for each command, in an order in which one finds what another left. Of the sandbox
# nothing is printed but a line of ASCII.
LINES = {
    "market": "market KRW",
    "ticker": "ticker KRW-BTC 'KRW-E*'",
    "orderbook": "orderbook KRW-BTC --depth 2",
    "trade": "trade KRW-BTC --count 2 --tz Asia/Seoul",
    "plan": f"plan KRW-BTC {SPAN}",
    "backfill": f"backfill KRW-BTC KRW-ETH {SPAN}",
    "candles": f"candles KRW-BTC {SPAN}",
    "watch": "watch KRW-BTC --count 1",
    "board": "board KRW-BTC --max-time 1s",
    "record": "record KRW-BTC --to TMP/테이프 --max-time 1s",
    "status": "status",
    "doctor": "doctor",
    "completion": "completion bash",
    "demo": "demo",
    "jobs ls": "jobs ls",
    "jobs show": "jobs show JOB",
    "jobs resume": "jobs resume JOB",
    "jobs pause": "jobs pause JOB",
    "jobs cancel": "jobs cancel JOB",
    "lake ls": "lake ls",
    "lake gaps": "lake gaps KRW-BTC --timeframe 1h --start 2026-11-18 --end 2026-11-20",
    "lake coverage": f"lake coverage {SPAN}",
    "lake calendar": f"lake calendar {SPAN}",
    "lake revisions": "lake revisions",
    "lake audit": "lake audit",
    "lake repair": "lake repair --dry-run",
    "lake du": "lake du",
    "lake freeze": "lake freeze paper",
    "lake frozen": "lake frozen",
    "lake verify": "lake verify paper",
    "lake diff": "lake diff paper",
    "lake cite": "lake cite paper",
    "lake publish": "lake publish paper",
    "lake thaw": "lake thaw paper TMP/다른호수",
    "lake merge": "lake merge TMP/다른호수 --dry-run",
    "lake export": "lake export TMP/비트코인.csv KRW-BTC --timeframe 1h",
    "lake import": "lake import TMP/비트코인.csv --symbol KRW-BTC --timeframe 1h",
    "lake sql": "lake sql \"select symbol, '비트코인 ─ é' as 이름 from candles limit 1\"",
    "lake delete": "lake delete paper",
    "lake drop": "lake drop KRW-ETH --timeframe 1h --yes",
}


@pytest.fixture(scope="module")
def endpoint():
    with Sandbox(seed=1, now="2026-11-20T12:00:30Z", speed=0) as exchange:
        yield exchange.endpoint


@pytest.fixture
def run(endpoint, tmp_path, monkeypatch):
    """Run a line on a terminal of an encoding; give the exit code and what it shows."""
    monkeypatch.setattr(demo, "_SYMBOLS", ["KRW-BTC"])
    monkeypatch.setattr(demo, "_DAYS", 1)
    monkeypatch.setattr(demo, "_LATENCY_MS", 0)

    def command(line: str, encoding: str) -> tuple[int, str]:
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
        words = [word.replace("TMP", str(tmp_path)) for word in shlex.split(line)]
        own = [] if words[0] == "demo" else ["--endpoint", endpoint]
        own += [] if words[0] in {"demo", "status"} else ["--lake", str(tmp_path / "호수")]
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", stream)
            patch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
            code = main([*words, *own])
        return code, raw.getvalue().decode(encoding)

    return command


def test_every_command_has_a_line_here():
    names = {
        name
        for each in find_commands()
        for name in (
            [f"{each.name} {member.name}" for member in each.members]
            if isinstance(each, Family)
            else [each.name]
        )
    }
    assert set(LINES) == names - {"sandbox"}


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_command_dies_of_a_letter(run, encoding):
    job = ""
    for name, line in LINES.items():
        code, shown = run(line.replace("JOB", job), encoding)
        assert code in {0, 3}, (name, shown)
        assert shown, name
        if name == "jobs ls":
            (job, *_) = [each["job"] for each in json.loads(run(f"{line} --json", encoding)[1])]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_programs_get_every_letter(run, encoding):
    code, shown = run("market KRW --json", encoding)
    names = {row["symbol"]: row["korean_name"] for row in json.loads(shown)}
    assert code == 0
    assert names["KRW-BTC"] == "비트코인"


def test_people_on_a_korean_console_read_korean_names(run):
    assert "비트코인" in run("market KRW", "cp949")[1]
