"""The list of attacks in `.github/SECURITY.md`: each has a test that is there; holes are filled here.

Whoever finds another way in puts a row into the page, and here a name and a test.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import os
import re
import socket
import stat
import sys
import zipfile
from functools import cache
from pathlib import Path

import pytest

import marketkit as mk
from marketkit.errors import InputError, MarketkitError, UnknownSymbol
from marketkit.exchange.dialect import RateLimit
from marketkit.exchange.upbit.archive.finding import look
from marketkit.net.archive.archive import Archive
from marketkit.net.budget.ban import Ban
from marketkit.net.budget.budget import Budget
from marketkit.sandbox import Sandbox
from tests.hostile.raw import reply, serving

ROOT = Path(__file__).parents[2]
NOW = "2026-01-02T00:00:00Z"
HERE = "tests/hostile/test_12_attacks.py"
PAGE = (ROOT / ".github" / "SECURITY.md").read_text("utf-8")
ROWS = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
ATTACKS = [row for row in ROWS if "`tests/" in row[2]]


@cache
def named_in(file: str) -> set[str]:
    """Name the tests of a file."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ATTACKS, ids=lambda row: row[0])
def test_every_attack_of_the_page_has_a_test_that_is_there(row):
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`", row[2])
    assert named
    for file, test in named:
        assert named_in(file) if not test else test in named_in(file), (file, test)


def test_the_page_has_the_tests_of_this_module():
    own = {name for name in named_in(HERE) if name.startswith("test_") and "page" not in name}
    assert own == set(re.findall(rf"`{HERE}::(\w+)`", PAGE))


# What a name may smuggle: a way out of a folder, a header, another request, a message of a stream.
NAMES = ["KRW-../../../evil", "../../evil", "KRW-BTC\r\nX-Evil: 1", "KRW-BTC\0", "KRW-BTC&to=1"]
NAMES += ['KRW-BTC"},{"type":"trade"', "/etc/passwd", "KRW-BTC\N{RIGHT-TO-LEFT OVERRIDE}"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_smuggles_nothing_into_a_path_or_a_request(name, tmp_path):
    lake = mk.Lake(tmp_path / "deep" / "lake")
    with Sandbox(now=NOW) as exchange:
        with mk.SmartDataProvider(endpoint=exchange.endpoint, lake=lake.root) as provider:
            for ask in (
                lambda: provider.get_ticker(name),
                lambda: provider.get_candle(name, "1m"),
                lambda: provider.get_trade(name),
                lambda: provider.watch(name, "ticker"),
                lambda: provider.record(name, ["trade"], to=tmp_path / "tape"),
            ):
                with pytest.raises((UnknownSymbol, InputError)):
                    ask()
            with contextlib.suppress(MarketkitError):
                assert lake.read(name, "1m").is_empty()
            with contextlib.suppress(MarketkitError):
                assert not lake.covered(name, "1m")
        asked = {request["path"] for request in exchange.requests()}
    assert all(path.startswith("/v1/market/all") for path in asked)
    assert not [each for each in tmp_path.rglob("*") if "evil" in each.name]


@pytest.mark.parametrize(
    "path",
    [
        "/archive/../../../../../etc/passwd",
        "/archive/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/archive/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/archive//etc/passwd",
        "/sandbox/../../../etc/passwd",
        "/v1/../../etc/passwd",
        "/archive/\\..\\..\\etc\\passwd",
    ],
)
def test_the_sandbox_gives_no_file_of_this_machine(path):
    with Sandbox(now=NOW) as exchange:
        host, port = exchange.endpoint.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 30) as client:  # no library tidies it
            head = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
            client.sendall(head.encode())
            said = b"".join(iter(lambda: client.recv(65_536), b""))
    assert b" 200 " not in said.split(b"\r\n")[0]
    assert b"root:" not in said


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has one address of its own")
def test_the_sandbox_listens_on_one_address_of_this_machine_alone():
    with Sandbox(now=NOW) as exchange:
        port = int(exchange.endpoint.rpartition(":")[2])
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", port), 30)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_the_archive_is_not_followed(status, tmp_path):
    async def ask(address):
        archive = Archive((address, address), budget_dir=tmp_path, back_off=0.001)
        try:
            await archive.walk(look("candle"))
        finally:
            await archive.close()

    with serving(lambda _: reply(b"[]")) as other:
        moved = reply(b"", status, Location=f"{other.endpoint}/elsewhere")
        with serving(lambda _: moved) as archive, pytest.raises(MarketkitError):
            asyncio.run(ask(archive.endpoint))
    assert other.paths == []


@pytest.mark.skipif(os.name == "nt", reason="modes of Unix")
def test_answers_that_are_kept_are_for_their_user_alone(monkeypatch, tmp_path):
    before = os.umask(0)
    try:
        monkeypatch.setenv("MARKETKIT_CACHE", str(tmp_path / "cache"))
        exchange = Sandbox(now=NOW)
        with exchange, mk.SmartDataProvider(endpoint=exchange.endpoint) as provider:
            provider.get_market()
    finally:
        os.umask(before)
    folder = tmp_path / "cache" / "answers"
    assert (folder / "responses.sqlite").is_file()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_in_the_place_of_a_budget_or_a_ban_changes_no_file_of_ours(tmp_path):
    dear = tmp_path / "dear"
    dear.write_text("mine")
    folder = tmp_path / "budget"
    folder.mkdir()
    budget = Budget("host-group", RateLimit(2, 0.01), folder)
    budget._path.symlink_to(dear)
    ban = folder / "host.ban"
    ban.symlink_to(dear)
    Ban(ban, host="host").impose(1.0)

    async def use():
        slot = await budget.acquire()
        slot.unsent()
        budget.close()

    with pytest.warns(UserWarning, match="paces itself alone"):
        asyncio.run(use())
    assert dear.read_text() == "mine"
    assert stat.S_IMODE(dear.stat().st_mode) & 0o022 == 0
    assert not ban.is_symlink()


ROW = "time,open,high,low,close,volume\n2026-01-01T00:00:00Z,1,2,1,2,3\n"


@pytest.mark.parametrize("member", ["../../evil.csv", "/evil.csv", "C:\\evil.csv", "..\\evil.csv"])
def test_a_zip_that_is_imported_writes_no_file(member, tmp_path):
    packed = tmp_path / "in" / "deep" / "KRW-BTC_1m.zip"
    packed.parent.mkdir(parents=True)
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr(member, ROW)
    before = {each for each in tmp_path.rglob("*") if each.is_file()}
    lake = mk.Lake(tmp_path / "lake")
    with contextlib.suppress(InputError):
        lake.import_(packed, symbol="KRW-BTC", timeframe="1m")
    made = {each for each in tmp_path.rglob("*") if each.is_file()} - before
    assert all(each.is_relative_to(lake.root) for each in made)
    assert not Path("/evil.csv").exists()
