"""Requests: never over budget, never silent, one machine one budget."""

from __future__ import annotations

import asyncio
import codecs
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.errors import Banned, MarketkitError
from marketkit.exchange.dialect import RateLimit, Request
from marketkit.exchange.upbit.limits import UPBIT
from marketkit.net.budget.ban import Ban
from marketkit.net.budget.file import BudgetFile
from marketkit.net.transport import Transport
from marketkit.sandbox import Sandbox
from tests.hostile.raw import RawServer, head, reply, serving
from tests.waiting import PATIENCE, wait

NOW = "2026-11-20T00:00:30Z"
FAST = (10, 0.02)
FAST_LIMITS = dict.fromkeys(UPBIT.limits, FAST)
ONCE = replace(
    UPBIT,
    limits=dict.fromkeys(UPBIT.limits, RateLimit(*FAST)),
    retry_delay=lambda *_: None,
)
WINDOWS = ("first-call", "sliding", "clock")
LIMIT = (10, 1.0)
COLD = """
import asyncio, json, pathlib, sys
from marketkit.exchange.dialect import Request
from marketkit.exchange.upbit.limits import UPBIT
from marketkit.net.transport import Transport

endpoint, directory, many = json.loads(sys.argv[1])
request = Request("/v1/candles/minutes/1", (("market", "KRW-BTC"), ("count", "1")), "candles")

async def main():
    transport = Transport(endpoint, UPBIT, timeout=120, budget_dir=pathlib.Path(directory))
    await asyncio.gather(*(transport.send(request, "low") for _ in range(many)))
    await transport.close()

asyncio.run(main())
"""


async def cold(*task: object, **environment: str) -> str:
    """Send from a process that has just begun; give what it said of trouble."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", COLD, json.dumps(task)),
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    _, trouble = await process.communicate()
    assert process.returncode == 0, trouble.decode()
    return trouble.decode()


async def together(*calls) -> list[str]:
    return await asyncio.gather(*calls)


@pytest.mark.slow
@pytest.mark.parametrize("window", WINDOWS)
def test_twenty_cold_processes_pace_and_none_of_their_requests_is_rejected(window, tmp_path):
    with Sandbox(limit=LIMIT, limit_window=window, latency_ms=5, jitter_ms=2) as exchange:
        calls = [cold(exchange.endpoint, str(tmp_path), 5) for _ in range(20)]
        troubles = asyncio.run(together(*calls))
        seen = exchange.stats()["groups"]["candles"]
    assert set(troubles) == {""}
    assert (seen["requests"], seen["rejected"]) == (100, 0)
    assert seen["worst_1s"] <= LIMIT[0]


@pytest.mark.slow
def test_processes_that_spell_one_host_in_many_ways_share_its_budget(tmp_path):
    with Sandbox(limit=LIMIT, limit_window="sliding") as exchange:
        port = exchange.endpoint.rpartition(":")[2]
        hosts = ("localhost", "127.1", "127.0.0.1", "LOCALHOST", "2130706433", "0x7f.1")
        calls = [cold(f"http://{host}:{port}", str(tmp_path), 8) for host in hosts]
        asyncio.run(together(*calls))
        seen = exchange.stats()["groups"]["candles"]
    assert (seen["requests"], seen["rejected"]) == (48, 0)


@pytest.mark.slow
def test_two_processes_without_a_folder_keep_the_limit_and_each_says_so_once(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with Sandbox(limit=LIMIT, limit_window="sliding") as exchange:
        calls = [cold(exchange.endpoint, str(tmp_path / "file"), 20) for _ in range(2)]
        troubles = asyncio.run(together(*calls))
        seen = exchange.stats()["groups"]["candles"]
    assert (seen["requests"], seen["rejected"]) == (40, 0)
    assert [each.count("paces itself alone, at half") for each in troubles] == [1, 1]


def test_the_folder_of_budgets_is_the_same_for_every_home_and_shell(tmp_path):
    command = [
        sys.executable,
        "-c",
        "from marketkit.settings import budget_dir; print(budget_dir())",
    ]
    bare = {k: v for k, v in os.environ.items() if k != "MARKETKIT_BUDGET_DIR"}
    places = {
        subprocess.run(command, env={**bare, **own}, check=True, capture_output=True).stdout
        for own in (
            {"HOME": str(tmp_path / "a")},
            {"HOME": str(tmp_path / "b"), "TMPDIR": str(tmp_path)},
            {"HOME": "/nonexistent", "USER": "nobody", "XDG_CACHE_HOME": str(tmp_path)},
        )
    }
    assert len(places) == 1


@pytest.fixture
def for_all() -> Iterator[Path]:
    """Give a folder of all users; pytest's are for one alone."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root may be another user")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.mark.parametrize("first", [0, 65_534])
def test_two_users_share_one_file_whatever_their_umask(for_all, first):
    path = for_all / "budget" / "x.bin"
    for user in (first, 65_534 - first):
        assert _as_user(user, lambda: _strike(path)) == 0
    file = BudgetFile(path, RateLimit(*LIMIT), lambda: 1000.0)
    assert file.update(lambda state, _: state.strikes) == 2.0
    file.close()


def test_a_ban_of_one_user_holds_for_all(for_all):
    assert _as_user(65_534, lambda: Ban(for_all / "x.ban", host="x").impose(600.0)) == 0
    assert _as_user(65_533, lambda: Ban(for_all / "x.ban", host="x").impose(300.0)) == 0
    for user in (0, 65_533, 65_534):
        assert _as_user(user, lambda: _meet(Ban(for_all / "x.ban", host="x"))) == 0


def _meet(ban: Ban) -> None:
    with pytest.raises(Banned):
        ban.check()


def _strike(path: Path) -> None:
    file = BudgetFile(path, RateLimit(*LIMIT), lambda: 1000.0)
    file.update(lambda state, _: setattr(state, "strikes", state.strikes + 1))


def _as_user(user: int, work: Callable[[], None]) -> int:
    """Do something as another user, in a child; give the exit code."""
    codecs.lookup("ascii")  # another user may not read the folder of Python that has it
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        os.umask(0o077)
        os.setgid(user)
        os.setuid(user)
        work()
        code = 0
    finally:
        os._exit(code)


RETRY_AFTER = ["61", "86400", "1e308", "1e309", "9" * 5_000, "Fri, 31 Dec 9999 23:59:59 GMT"]


@pytest.mark.parametrize("asked", RETRY_AFTER, ids=lambda text: text[:10])
def test_a_429_that_asks_for_more_than_a_minute_is_raised_and_nobody_asks_again(asked, tmp_path):
    date = "Fri, 20 Nov 2026 00:00:30 GMT"
    with serving(lambda _: reply(b"{}", 429, Retry_After=asked, Date=date)) as exchange:
        began = time.monotonic()
        for folder in ("one", "two"):
            with (
                SmartDataProvider(
                    endpoint=exchange.endpoint, lake=tmp_path / folder, limits=FAST_LIMITS
                ) as provider,
                pytest.raises(
                    Banned, match=r"429 with Retry-After.*nothing is sent to it before 20"
                ),
            ):
                provider.get_market()
        assert time.monotonic() - began < 60  # the least that was asked for
        assert len(exchange.paths) == 1


@pytest.mark.parametrize(
    "said", ["nan", "-inf", "-1", "soon", "", "\x00", "1" * 60_000, "Xyz, 99 Abc 2026 99:99:99 GMT"],
    ids=lambda text: text[:10] or "empty",
)  # fmt: skip
@pytest.mark.parametrize("status", [429, 418, 503])
def test_no_retry_after_makes_a_raw_error_or_a_hang(said, status, tmp_path):
    headers = {"Retry_After": said, "Remaining_Req": f"group=market; min=1; sec={'9' * 4000}"}
    with serving(lambda _: reply(b"{}", status, **headers)) as exchange:
        transport = Transport(
            exchange.endpoint,
            ONCE,
            timeout=PATIENCE,
            budget_dir=tmp_path,
        )
        with pytest.raises(MarketkitError):
            asyncio.run(_once(transport))


async def _once(transport: Transport) -> None:
    try:
        await transport.send(Request("/v1/market/all", (), "market"))
    finally:
        await transport.close()


@pytest.fixture
def silencing() -> Iterator[RawServer]:
    """An exchange that answers to candles with a 429 for a day, and to all else as it should."""
    with Sandbox(seed=1, now=NOW, speed=0, limit=FAST) as exchange:

        def answer(path: str) -> bytes:
            if path.startswith("/v1/candles"):
                return reply(b"{}", 429, Retry_After=86_400)
            with urllib.request.urlopen(exchange.endpoint + path) as passed:
                return reply(passed.read(), Date=passed.headers["Date"])

        with serving(answer) as relay:
            yield relay


def test_a_job_waits_for_the_end_of_a_429_and_says_so(silencing, tmp_path):
    with SmartDataProvider(
        endpoint=silencing.endpoint, lake=tmp_path, limits=FAST_LIMITS
    ) as provider:
        job = provider.backfill("KRW-BTC", "1m", start="2026-11-19", end="2026-11-20", show=False)
        wait(lambda: "waiting for the exchange since" in repr(job))
        assert "429 with Retry-After" in repr(job)
        wait(lambda: provider.jobs()["state"].to_list() == ["waiting"])
        assert _candles(silencing) == 1
        job.cancel()


def test_the_command_line_of_a_job_says_at_once_that_it_waits_also_in_a_pipe(silencing):
    command = [sys.executable, "-m", "marketkit", "--endpoint", silencing.endpoint, "backfill"]
    span = ["--timeframe", "1m", "--start", "2026-11-19", "--end", "2026-11-20"]
    with subprocess.Popen([*command, "KRW-BTC", *span], stderr=subprocess.PIPE, text=True) as job:
        waits = next(line for line in job.stderr if "waiting for the exchange since" in line)
        job.send_signal(signal.SIGINT)
        job.communicate(timeout=PATIENCE)
    assert "429 with Retry-After" in waits
    assert _candles(silencing) == 1


def _candles(relay: RawServer) -> int:
    return sum(path.startswith("/v1/candles") for path in relay.paths)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_not_followed(status, tmp_path):
    with serving(lambda _: reply()) as other:
        elsewhere = f"http://localhost:{other.port}/v1/market/all"
        with serving(lambda _: head(status, Location=elsewhere, Content_Length=0)) as exchange:
            with (
                SmartDataProvider(
                    endpoint=exchange.endpoint, lake=tmp_path, limits=FAST_LIMITS
                ) as provider,
                pytest.raises(MarketkitError, match=str(status)),
            ):
                provider.get_market()
            assert len(exchange.paths) == 1
        assert other.paths == []
