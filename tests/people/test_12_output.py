"""Output as terminals are: of any encoding and width, in a pipe, closed, full, or for programs.

What cannot be printed is replaced, and no exit code depends on it.
"""

from __future__ import annotations

import functools
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from marketkit.cli import schedule
from marketkit.cli.command import Family
from marketkit.cli.commands import demo
from marketkit.cli.main import main
from marketkit.cli.parser import find_commands
from marketkit.notebook.text import width
from marketkit.sandbox import Sandbox
from tests.integration.test_reprs import has_exponent
from tests.waiting import PATIENCE

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
    "bars": "bars KRW-BTC 1h --start 2026-11-18 --end 2026-11-19",
    "watch": "watch KRW-BTC --count 1",
    "board": "board KRW-BTC --max-time 5s",
    "record": "record KRW-BTC --to TMP/테이프 --max-time 5s",
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
    "lake quality": f"lake quality {SPAN}",
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
    "lake table": "lake table paper",
    "lake vacuum": "lake vacuum",
    "lake thaw": "lake thaw paper TMP/다른호수",
    "lake merge": "lake merge TMP/다른호수 --dry-run",
    "lake push": "lake push TMP/셋째호수",
    "lake pull": "lake pull TMP/셋째호수",
    "lake export": "lake export TMP/비트코인.csv KRW-BTC --timeframe 1h",
    "lake import": "lake import TMP/비트코인.csv --symbol KRW-BTC --timeframe 1h",
    "lake sql": "lake sql \"select symbol, '비트코인 ─ é' as 이름, close from candles limit 1\"",
    "lake delete": "lake delete paper",
    "lake drop": "lake drop KRW-ETH --timeframe 1h --yes",
}
# Bad ends, of which the reason has letters that not all terminals have.
WRONG = {
    "ticker KRW-비트코인": 2,
    "candles KRW-BTC --timeframe 한시간": 2,
    "lake import TMP/없는─파일.csv --symbol KRW-BTC --timeframe 1h": 2,
    "lake verify 없는것": 2,
    "lake sql 'select 가격 from candles'": 2,
    "lake ls --없는것": 2,
    "backfill KRW-비트코인 --start 2026-11-18 --log-format json": 2,
}
SENTENCES = {"plan", "backfill", "record", "watch", "doctor", "completion", "demo", "jobs resume"}
SENTENCES |= {"jobs show", "jobs pause", "jobs cancel", "lake du", "lake cite", "lake publish"}
SENTENCES |= {"lake table", "lake vacuum"}
SENTENCES |= {"lake export", "lake import", "lake drop", "lake merge", "lake push", "lake pull"}
PLACES = [("cp949", "40"), ("euc_kr", "200"), ("ascii", "")]
# A lake's name in EUC-KR, which is none on a machine of UTF-8: letters that no text can have.
EUC_KR = "\udcc8\udca3\udcbc\udcf6" if sys.platform == "linux" else "호수"


@pytest.fixture(scope="module")
def endpoint():
    with Sandbox(seed=1, now="2026-11-20T12:00:30Z", speed=0) as exchange:
        yield exchange.endpoint


class Screen(io.TextIOWrapper):
    """A terminal, if it says so, of an encoding."""

    def __init__(self, encoding: str, *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)
        self.terminal = terminal

    def isatty(self) -> bool:
        """Say whether it is a terminal."""
        return self.terminal

    @property
    def shown(self) -> str:
        """All that was written."""
        return self.buffer.getvalue().decode(self.encoding)


@pytest.fixture
def run(endpoint, tmp_path, monkeypatch):
    """Run a line on a terminal of an encoding; give the exit code, the output and the errors."""
    monkeypatch.setattr(demo, "_SYMBOLS", ["KRW-BTC"])
    monkeypatch.setattr(demo, "_DAYS", 1)
    monkeypatch.setattr(demo, "_LATENCY_MS", 0)

    def command(
        line: str, encoding: str, *, endpoint: str, terminal: bool = False
    ) -> tuple[int, str, str]:
        out, err = Screen(encoding, terminal=terminal), Screen(encoding)
        words = [word.replace("TMP", str(tmp_path)) for word in shlex.split(line)]
        own = [] if words[0] == "demo" else ["--endpoint", endpoint]
        lake = EUC_KR if encoding == "ascii" else "호수"
        own += [] if words[0] in {"demo", "status"} else ["--lake", str(tmp_path / lake)]
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            try:
                code = main([*words, *own])
            except SystemExit as ended:
                code = int(ended.code or 0)
        return code, out.shown, err.shown

    return functools.partial(command, endpoint=endpoint)


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
    assert set(LINES) == names - {"sandbox", "worker"}  # a worker ends with its scheduler


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("encoding", "columns"), PLACES)
def test_every_command_ends_alike_on_every_terminal(run, monkeypatch, encoding, columns):
    monkeypatch.setenv("COLUMNS", columns)
    job = ""
    for name, line in LINES.items():
        code, shown, _ = run(line.replace("JOB", job), encoding)
        assert code == (3 if name == "doctor" else 0), (name, shown)  # the clock is made up
        assert shown, name
        assert not re.search("[─…]", shown), name
        assert not has_exponent(shown), name
        if columns and name not in SENTENCES:
            assert max(map(width, shown.splitlines())) <= int(columns), name
        if name == "jobs ls":
            (job, *_) = [each["job"] for each in json.loads(run(f"{line} --json", encoding)[1])]
    for line, ending in WRONG.items():
        code, _, said = run(line, encoding)
        assert code == ending, (line, said)
        assert said, line


@pytest.mark.parametrize("encoding", ["cp949", "euc_kr", "ascii", "utf-8"])
def test_programs_get_every_letter_in_what_json_may_be_written(run, encoding):
    code, shown, _ = run("market KRW --json", encoding)
    names = {row["symbol"]: row["korean_name"] for row in json.loads(shown)}
    assert code == 0
    assert names["KRW-BTC"] == "비트코인"
    assert shown.isascii() == (encoding != "utf-8")


@pytest.mark.parametrize("encoding", ["cp949", "euc_kr", "ascii"])
def test_columns_stand_below_each_other_whatever_is_replaced(run, encoding):
    head, rule, *rows = run("market KRW", encoding)[1].splitlines()
    assert ("비트코인 " in "\n".join(rows)) == (encoding != "ascii")
    assert "-" in rule
    at = head.index("english_name")
    for row in rows[:10]:
        columns = "".join(letter * width(letter) for letter in row)
        assert columns[at - 1] == " "
        assert columns[at] != " "


def test_prices_are_written_as_people_read_them(run):
    run(LINES["backfill"], "utf-8")
    query = (
        "select close, close::decimal(20, 2) as d, {'n': close} as s, 2026 as year from candles "
    )
    query += "order by close desc limit 1"
    last = run(f'lake sql "{query}"', "utf-8")[1].splitlines()[-1]
    assert re.fullmatch(r"\d{3},\d{3},000  \d{3},\d{3},000  n=\d{3},\d{3},000  2026", last)
    (line,) = run(LINES["watch"], "utf-8")[1].splitlines()
    assert re.search(r" \d{3},\d{3},000 ", line)


def test_no_column_is_left_out_where_there_is_room(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert "no room" not in run("market KRW --instruments", "utf-8")[1]
    monkeypatch.setenv("COLUMNS", "40")
    assert "no room for" in run("market KRW", "utf-8")[1]


@pytest.mark.parametrize(
    ("environment", "colours"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)  # fmt: skip
def test_colours_and_cursors_are_for_terminals_that_have_them(
    run, monkeypatch, environment, colours
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    shown = run("ticker 'KRW-*'", "utf-8", terminal=True)[1]
    assert ("\x1b[" in shown) == colours
    if environment["TERM"] == "dumb":
        assert "\x1b" not in run(LINES["board"], "utf-8", terminal=True)[1]


# Every line is JSON.


def lines_of(*texts: str) -> list[dict[str, object]]:
    """Read each line as the object that it has to be."""
    return [json.loads(line) for text in texts for line in text.splitlines()]


@pytest.mark.parametrize(
    "line",
    [
        "backfill --log-format json",
        "backfill KRW-BTC --log-format=json",
        "backfill KRW-BTC --log-format json --start 2026-11-18 --strat 2026-11-18",
        "backfill KRW-BTC --start 2026-11-18 --max-time soon --log-format json",
        "backfill KRW-BTC --start 2026-11-18 --order never --log-format json",
        "backfill KRW-BTC --start 2026-11-19 --end 2026-11-18 --log-format json",
        "backfill --config TMP/없는것.toml --log-format json",
        "ticker --json",
        "lake --json",
        "nothing --json",
    ],
)
def test_bad_usage_is_a_line_of_json_where_all_lines_are(run, line):
    code, out, err = run(line, "cp949")
    (said,) = lines_of(out, err)
    assert code == 2
    assert set(said) == {"error", "message"}


FILE = '[[universe]]\nsymbols = ["KRW-BTC"]\ndepth = { 1h = "2d" }\n'


@pytest.mark.filterwarnings("default")
def test_a_run_of_a_file_writes_nothing_but_json(run, tmp_path):
    (tmp_path / "호수.toml").write_text(FILE, "utf-8")
    code, out, err = run("backfill --config TMP/호수.toml --log-format json", "ascii")
    (said,) = lines_of(out)
    assert (code, said["state"]) == (0, "done")
    lines_of(err)


@pytest.mark.slow
def test_a_run_that_waits_for_an_exchange_says_so_in_json(run, tmp_path, monkeypatch):
    monkeypatch.setattr(schedule, "_PAUSE", 0.1)
    (tmp_path / "호수.toml").write_text(FILE, "utf-8")
    line = "backfill --config TMP/호수.toml --log-format json --patience 6s"
    code, out, err = run(line, "ascii", endpoint="http://127.0.0.1:9")
    (said,) = lines_of(out)
    assert code == 1
    assert str(said["state"]).startswith("failed: ")
    assert {"waiting", "message"} in [each.keys() for each in lines_of(err)]


def test_a_report_of_a_backfill_is_json_too(run):
    _, out, err = run(f"{LINES['backfill']} --log-format json", "euc_kr")
    (said,) = [each for each in lines_of(err, out) if "complete" in each]
    assert said["complete"]


# Real processes: the encoding, the files and the end of the interpreter are their own.


@pytest.fixture(scope="session")
def korean(tmp_path_factory):
    """Make the locale ko_KR.EUC-KR, which few machines of today have; give its folder."""
    if shutil.which("localedef") is None:
        pytest.skip("no program to make a locale")
    folder = tmp_path_factory.mktemp("locales")
    made = ["localedef", "-i", "ko_KR", "-f", "EUC-KR", str(folder / "ko_KR.EUC-KR")]
    subprocess.run(made, capture_output=True, check=False)
    if not list(folder.iterdir()):
        pytest.skip("no description of Korean locales")
    return folder


def shell(
    command: str, tmp_path: Path, encoding: str = "utf-8", **environment: str
) -> tuple[list[int], bytes]:
    """Run a line of bash, in which `marketkit` is ours; give the exit codes of its pipe, and all."""
    # Python itself sets LC_CTYPE where there is no locale.
    told = ("LANG", "LC_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(told)}
    ours = f"{shlex.quote(sys.executable)} -m marketkit"
    script = f"{command.replace('marketkit', ours)}; echo ${{PIPESTATUS[*]}} >codes"
    lake = os.fsdecode(f"{tmp_path}/호수".encode(encoding))
    done = subprocess.run(
        ["bash", "-c", script.encode(encoding)],
        cwd=tmp_path,
        env={**kept, "MARKETKIT_LAKE": lake, **environment},
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )
    codes = [int(code) for code in (tmp_path / "codes").read_text().split()]
    return codes, done.stdout + done.stderr


NAMED = {  # in a lake with a Korean name, in the letters of the locale
    "market KRW": 0,
    f"backfill KRW-BTC {SPAN}": 0,
    "lake sql \"select '이름' as 이름, count(*) from candles\"": 0,
    "doctor": 3,
    "lake verify 없는것": 2,
}


def names_in(endpoint, tmp_path, letters, encoding=None, **environment):
    """Show Korean names and an error with some in processes; give what was shown."""
    shown = ""
    for line, code in NAMED.items():
        command = f"marketkit {line} --endpoint {endpoint}"
        codes, said = shell(command, tmp_path, encoding or letters, **environment)
        assert codes == [code], said
        shown += said.decode(letters)
    assert "Traceback" not in shown
    return shown


@pytest.mark.slow
def test_a_korean_locale_of_old_shows_korean_names(korean, endpoint, tmp_path):
    """Here the names of files and of arguments are in its letters, too."""
    environment = {"LOCPATH": str(korean), "LC_ALL": "ko_KR.EUC-KR"}
    shown = names_in(endpoint, tmp_path, "euc_kr", **environment)
    assert "비트코인 " in shown
    assert "없는것" in shown
    assert "─" not in shown


@pytest.mark.slow
def test_a_locale_without_letters_shows_what_it_can(endpoint, tmp_path):
    environment = {"LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    shown = names_in(endpoint, tmp_path, "ascii", "utf-8", **environment)
    assert "????" in shown
    assert "-----  -----" in shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("marketkit completion bash | head -1", [0, 0]),
        ("marketkit lake verify nothing 2>&1 | true", [2, 0]),
        ("marketkit lake cite nothing 2>/dev/full", [2]),
        ("marketkit lake nothing >&- 2>&-", [2]),
        ("marketkit lake du <&- >&- 2>&-", [0]),
    ],
)
def test_pipes_closed_and_full_ones_change_no_exit_code(tmp_path, line, codes):
    assert shell(line, tmp_path)[0] == codes


def test_an_output_that_cannot_be_written_is_one_sentence(tmp_path):
    codes, said = shell("marketkit lake ls >/dev/full", tmp_path)
    assert codes == [1]
    assert said == b"marketkit: the output cannot be written: No space left on device\n"


@pytest.mark.slow
def test_a_silent_stream_ends_soon_after_its_reader(endpoint, tmp_path):
    line = f"marketkit watch KRW-BTC --endpoint {endpoint} | head -1"  # no clock goes on there
    codes, said = shell(line, tmp_path)
    assert codes == [0, 0]
    assert b"KRW-BTC" in said


@pytest.mark.slow
def test_what_goes_to_errors_never_comes_with_the_data(tmp_path):
    codes, said = shell("marketkit lake verify nothing 2>&-", tmp_path)
    assert (codes, said) == ([2], b"")
