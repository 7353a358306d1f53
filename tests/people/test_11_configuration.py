"""Settings as people write them: wrong ones are named before anything is done, homes are found.

And `--max-time` is kept, whatever the exchange does.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

import marketkit as mk
from marketkit.cli.main import main
from marketkit.data.jobs.config_keys import OF_FILE, OF_UNIVERSE
from marketkit.errors import InputError
from marketkit.sandbox import Sandbox
from tests.waiting import soon

NOW = "2026-11-20T00:00:30Z"
UNIVERSE = '[[universe]]\nsymbols = ["KRW-BTC"]\ndepth = { 1d = "3d" }\n'


@pytest.fixture(scope="module")
def exchange():
    with Sandbox(seed=1, now=NOW, speed=0) as one:
        yield one


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home, and a working directory that is another folder."""
    for name in ("home", "elsewhere"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.delenv("MARKETKIT_LAKE")
    yield tmp_path / "home"
    assert list((tmp_path / "elsewhere").iterdir()) == []  # nothing came to lie where one stood


def run(*arguments: object) -> int:
    """Run a command, usage errors too, and give the exit code."""
    try:
        return main(list(map(str, arguments)))
    except SystemExit as ended:
        return int(ended.code or 0)


def written(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "backfill.toml"
    path.write_text(text, encoding="utf-8")
    return path


# Values of each key that are wrong, and what the sentence says of them.
SLIPS = [
    *((key, "5", f"write {key} = ") for key in (*OF_FILE, *OF_UNIVERSE)),
    *((key, "[[1]]", f"write {key} = ") for key in (*OF_FILE, *OF_UNIVERSE)),
    *((key, '""', f"write {key} = ") for key in (*OF_FILE, *OF_UNIVERSE)),
    ("warning", '"false"', "write warning = false"),
    ("update", '"true"', "write update = true"),
    ("rescue", "1", "write rescue = true"),
    ("symbols", "[]", "the list is empty"),
    ("symbols", '["../x"]', "unknown symbol '../x'"),
    ("lake", '"~nobodyhere/lake"', "nobody here is called 'nobodyhere'"),
    ("lake", r'"a\u0000b"', "write lake"),
    ("endpoint", '"api.upbit.com"', "must start with http"),
    ("region", '"kor"', "did you mean 'kr'"),
    ("order", '"latest"', "one of newest oldest symbols"),
    ("patience", '"12"', "did you mean '12s'"),
    ("max_time", '"50 min"', "max_time: not a length of time"),
    ("verify", '"-7d"', "verify: not a length of time"),
    ("depth", "{}", "depth is a table"),
    ("depth", "{ 1x = '2y' }", "unknown timeframe '1x'"),
    ("depth", "{ 1m = 90 }", 'write a length of time such as "90d"'),
    ("depth", "{ 1m = true }", 'write a length of time such as "90d"'),
    ("depth", "{ 1m = 07:30:00 }", 'write a length of time such as "90d"'),
    ("depth", "{ 1m = 2024-01-01T00:00:00 }", "time zone"),
    ("depth", "{ 1m = 'all' }", 'depth 1m = "all": not a length of time'),
    ("depht", "{ 1m = '2y' }", "did you mean 'depth'"),
    ("max-time", '"50m"', "did you mean 'max_time'"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value", "right"), SLIPS)
def test_a_wrong_value_is_one_sentence_and_nothing_is_asked_or_written(
    exchange, home, tmp_path, capsys, key, value, right
):
    exchange.reset_stats()
    before, lines = len(exchange.requests()), UNIVERSE.splitlines()
    lines = [line for line in lines if not line.startswith(f"{key} ")]
    lines.insert(0 if key in {*OF_FILE, "max-time"} else 1, f"{key} = {value}")
    path = written(tmp_path / "there", "\n".join(lines))
    where = ["--lake", home / "lake"]
    where += [] if key in {"endpoint", "region"} else ["--endpoint", exchange.endpoint]
    for command in ("backfill", "plan"):
        assert run(command, "--config", path, *where) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert len(err.splitlines()) == 1
        assert err.startswith(f"marketkit: {path}: ")
        assert key in err
        assert right in err
    assert not (home / "lake").exists()
    assert len(exchange.requests()) == before


def test_the_path_of_a_lake_counts_from_the_folder_of_the_file(exchange, home, tmp_path):
    path = written(tmp_path / "there", f'lake = "candles"\n{UNIVERSE}')
    assert run("backfill", "--config", path, "--endpoint", exchange.endpoint) == 0
    assert mk.Lake(tmp_path / "there" / "candles").catalog().height == 1
    assert not (home / "candles").exists()


def test_a_home_is_found_in_a_file_and_before_the_file(exchange, home):
    written(home, f'\ufefflake = "~/mine"\nendpoint = "{exchange.endpoint}"\n{UNIVERSE}')
    assert run("backfill", "--config=~/backfill.toml") == 0
    assert mk.Lake("~/mine").catalog().height == 1
    assert (home / "mine").is_dir()


def test_an_exchange_of_the_command_line_is_in_place_of_that_of_the_file(exchange, home):
    path = written(home, f'region = "sg"\nlake = "one"\n{UNIVERSE}')
    assert run("backfill", "--config", path, "--endpoint", exchange.endpoint) == 0


def test_a_home_is_found_in_every_variable_of_the_environment(exchange, home, monkeypatch):
    for name in ("LAKE", "CACHE", "BUDGET_DIR"):
        monkeypatch.setenv(f"MARKETKIT_{name}", f"~/{name.lower()}")
    monkeypatch.setenv("MARKETKIT_ENDPOINT", exchange.endpoint)
    assert run("backfill", "KRW-BTC", "--timeframe", "1d", "--start", "2026-11-10") == 0
    with mk.SmartDataProvider() as provider:
        provider.get_market()
    for name in ("lake", "cache", "budget_dir"):
        assert list((home / name).iterdir())


def test_a_home_is_found_in_every_option_and_argument(exchange, home, capsys):
    where = ("--lake=~/lake", f"--endpoint={exchange.endpoint}")
    span = ("--timeframe", "1d", "--start", "2026-11-10", "--end", "2026-11-15")
    assert run("backfill", "KRW-BTC", *span, *where) == 0
    assert run("lake", "export", "~/out.csv", "KRW-BTC", *span, *where) == 0
    assert run("lake", "freeze", "first", *where) == 0
    assert run("lake", "thaw", "first", "~/thawed", *where) == 0
    capsys.readouterr()
    assert run("lake", "diff", "first", "~/thawed", "--by", "series", *where) == 0
    assert run("lake", "audit", "--lake=~/thawed") == 0
    assert {"lake", "thawed", "out.csv"} == {each.name for each in home.iterdir()}
    with mk.SmartDataProvider(endpoint=exchange.endpoint, lake="~/lake") as provider:
        provider.record("KRW-BTC", "ticker", to="~/tape").close()
    assert mk.read_interruptions("~/tape").height >= 0
    assert (home / "tape").is_dir()


@pytest.mark.parametrize(
    "words",
    [
        ("lake", "ls", "--lake", ""),
        ("--lake", "", "lake", "ls"),
        ("ticker", "KRW-BTC", "--lake", " "),
        ("backfill", "KRW-BTC", "--start", "-1d", "--lake="),
        ("backfill", "--config", ""),
        ("record", "KRW-BTC", "--to", ""),
        ("demo", "--lake", ""),
        ("sandbox", "--lake", ""),
        ("sandbox", "--history", ""),
        ("sandbox", "--endpoint", ""),
        ("lake", "thaw", "first", ""),
        ("lake", "export", ""),
        ("board", "--endpoint", ""),
        ("board", "--region", ""),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("home")
def test_an_empty_option_is_refused(words, capsys):
    assert run(*words) == 2
    err = capsys.readouterr().err
    assert "''" in err or "' '" in err


WRONG = [
    {"lake": 5}, {"lake": ""}, {"lake": b"x"}, {"lake": True}, {"lake": "~nobodyhere/x"},
    {"endpoint": 5}, {"endpoint": ""}, {"endpoint": "http://"}, {"endpoint": "http://x:99999"},
    {"endpoint": "http://a b"}, {"endpoint": "http://x?y=1"}, {"region": 5}, {"region": "KR"},
    {"offline": "false"}, {"offline": 0}, {"settle": "60"}, {"settle": -1}, {"timeout": 0},
    {"timeout": "10s"}, {"timeout": True}, {"timeout": float("nan")}, {"limits": 5},
    {"limits": {"candle": (10, 1.0)}}, {"limits": {"candles": 10}}, {"frame": "panda"},
    {"frame": 5}, {"tz": "Asia/Soul"}, {"tz": 9}, {"session": "25:00 UTC"}, {"session": 9},
]  # fmt: skip


@pytest.mark.parametrize("given", WRONG, ids=str)
@pytest.mark.parametrize(
    "call", [mk.SmartDataProvider, mk.configure], ids=["provider", "configure"]
)
def test_a_wrong_argument_is_named_and_nothing_changes(call, given):
    before = mk.configure()
    with pytest.raises(InputError, match=next(iter(given))) as refused:
        call(**given)
    assert "\n" not in str(refused.value)
    assert mk.configure() == before


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ENDPOINT", "api.upbit.com"),
        ("ENDPOINT", "https://"),
        ("LAKE", " "),
        ("LAKE", "~nobodyhere/x"),
        ("CACHE", "~nobodyhere/x"),
        ("BUDGET_DIR", " "),
        ("OFFLINE", "ja"),
        ("LARGEST_ANSWER", "32MB"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch, capsys, variable, value):
    monkeypatch.setenv(f"MARKETKIT_{variable}", value)
    assert run("ticker", "KRW-BTC") == 2
    err = capsys.readouterr().err
    assert f"MARKETKIT_{variable}" in err
    assert repr(value) in err
    assert len(err.splitlines()) == 1


@pytest.mark.filterwarnings("ignore:not in the plan")
def test_a_code_that_no_market_has_is_a_failure_and_a_glob_is_none(exchange, home, capsys):
    def answer(symbols: list[str], more: str = "") -> tuple[int, int, str]:
        path = written(home, UNIVERSE.replace('["KRW-BTC"]', json.dumps(symbols)) + more)
        where = ("--lake", home / "lake", "--endpoint", exchange.endpoint)
        done = run("backfill", "--config", path, *where)
        err = capsys.readouterr().err
        planned = run("plan", "--config", path, *where)
        capsys.readouterr()
        return done, planned, err

    assert answer(["KRW-BTC", "KRW-ZZZ*"])[:2] == (0, 0)
    for code in ("KRW-NOPE", "KWR-BTC", "KRWBTC"):
        for more in ("", 'quote = "KRW"\n', "warning = false\n", "update = true\n"):
            done, planned, err = answer(["KRW-BTC", code], more)
            assert (done, planned) == (3, 3), (code, more)
            assert f"unknown symbol '{code}'" in err
    assert mk.Lake(home / "lake").catalog()["symbol"].to_list() == ["KRW-BTC"]  # the other is done
    assert answer(["KRW-NOPE"])[:2] == (3, 3)
    assert answer(["KRW-BTC", "KRW-NOPE"], 'exclude = ["KRW-N*"]\n')[:2] == (0, 0)
    assert answer(["비트코인"])[:2] == (0, 0)
    assert run("backfill", "--config", written(home, UNIVERSE.replace('"3d"', "2999-01-01")),
               "--lake", home / "lake", "--endpoint", exchange.endpoint) == 1  # fmt: skip
    assert "depth 1d = 2999-01-01 lies in the future" in capsys.readouterr().out


NOBODY = 54_321  # a user that no list of users has
OF_NOBODY = """
    import json, os, sys
    from marketkit.cli.main import main
    assert os.getuid() == 54_321
    where, folder = sys.argv[1:]
    asked = [
        ["ticker", "KRW-BTC"],
        ["backfill", "KRW-BTC", "--timeframe", "1d", "--start", "2026-11-10"],
        ["backfill", "KRW-BTC", "--timeframe", "1d", "--start", "2026-11-10", "--lake", folder],
        ["candles", "KRW-BTC", "--timeframe", "1d", "--count", "3"],
        ["lake", "ls"],
        ["doctor", "--live"],
    ]
    codes = [main([*each, "--endpoint", where]) for each in asked]
    sys.stderr.write(json.dumps(codes))
"""


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0 or shutil.which("setpriv") is None,
    reason="only root can be somebody else",
)
@pytest.mark.parametrize("said", [None, "/"])
def test_a_user_whom_nobody_knows_and_who_has_no_home_works(exchange, said):
    """The capability is for a Python below a home of its own, and writes nothing."""
    unset = ("HOME", "USER", "LOGNAME", "TMPDIR", "MARKETKIT_LAKE", "MARKETKIT_CACHE")
    env = {name: value for name, value in os.environ.items() if name not in unset}
    env |= {} if said is None else {"HOME": said}
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    user += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    kept = Path(f"/var/tmp/marketkit-{NOBODY}")  # noqa: S108 - as the library has it
    shutil.rmtree(kept, ignore_errors=True)
    # Not below the folder of pytest, which is for its user alone.
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, NOBODY, NOBODY)
        env["MARKETKIT_BUDGET_DIR"] = f"{folder}/budget"
        code = [sys.executable, "-c", textwrap.dedent(OF_NOBODY), exchange.endpoint]
        done = subprocess.run(
            [*user, *code, f"{folder}/lake"],
            env=env,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert (Path(folder) / "lake").is_dir(), done.stderr
    owner = kept.stat().st_uid
    shutil.rmtree(kept)
    assert owner == NOBODY
    assert "Traceback" not in done.stderr
    codes = json.loads(done.stderr.splitlines()[-1])
    assert codes[:5] == [0, 0, 0, 0, 0], done.stderr
    assert codes[5] in {0, 3}  # what doctor thinks of this machine


COMMANDS = {
    "backfill": ("backfill", "KRW-BTC", "--timeframe", "1m", "--start", "-200d"),
    "config": ("backfill", "--config"),
    "watch": ("watch", "KRW-BTC", "--count", "9999"),
    "board": ("board", "KRW-BTC"),
    "record": ("record", "KRW-BTC", "--to"),
}
FAULTS = {
    "drips": lambda exchange: exchange.strike("drip", None),
    "says Retry-After": lambda exchange: exchange.strike("retry-after", None, value="30"),
    "bans": lambda exchange: exchange.strike("ban", None),
    "opens no websocket": lambda exchange: exchange.set_stream(opens=False),
    "shakes hands for ever": lambda exchange: exchange.strike("endless-handshake", None, value="1"),
    "works": lambda _: None,
}


def took(command: str, endpoint: str, tmp_path: Path, longest: str) -> tuple[float, int]:
    """Give the seconds of a command with a time, and the exit code."""
    more = {
        "config": [written(tmp_path, UNIVERSE.replace('1d = "3d"', '1m = "200d"'))],
        "record": [tmp_path / "tape"],
    }.get(command, [])
    where = ("--endpoint", endpoint, "--lake", tmp_path / "lake", "--max-time", longest)
    began = time.monotonic()
    code = run(*COMMANDS[command], *more, *where)
    return time.monotonic() - began, code


@pytest.fixture
def deaf():
    """The address of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("command", COMMANDS)
def test_max_time_is_kept_by_an_exchange_that_hangs(command, deaf, tmp_path, capsys):
    def attempt():
        seconds, code = took(command, deaf, tmp_path, "2s")
        return seconds, (code, *capsys.readouterr())

    code, out, err = soon(4, attempt)
    assert code == 3
    assert "max-time" in (out if command == "config" else err)
    if command in {"backfill", "config"}:
        assert "state=max-time jobs=0 left=1" in out


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_max_time_is_kept_whatever_the_exchange_does(fault, tmp_path, capsys):
    with Sandbox(seed=1) as mean:
        FAULTS[fault](mean)
        for command in COMMANDS:
            folder = tmp_path / command
            folder.mkdir()
            at = (command, mean.endpoint, folder, "2s")
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("MARKETKIT_BUDGET_DIR", str(folder / "budget"))
                code = soon(4, lambda at=at: took(*at))
            assert code in {0, 1, 3}, (command, capsys.readouterr().err)


@pytest.mark.slow
def test_a_process_ends_within_two_seconds_of_its_max_time(deaf, tmp_path):
    refused = "http://127.0.0.1:9"
    of_file = (*COMMANDS["config"], written(tmp_path, UNIVERSE))
    program = (sys.executable, "-m", "marketkit")
    for words, endpoint in ((COMMANDS["watch"], deaf), (of_file, refused)):
        line = [*program, *map(str, words), "--endpoint", endpoint, "--max-time", "8s"]

        def attempt(line=line):
            began = time.monotonic()
            done = subprocess.run(line, capture_output=True, text=True, check=False)
            return time.monotonic() - began, done

        done = soon(10, attempt)
        assert done.returncode == 3
        assert "Traceback" not in done.stderr
