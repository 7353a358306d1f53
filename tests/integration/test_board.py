"""The price board against the sandbox: names, prices and changes, wherever it is drawn."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time

import pytest

from marketkit.cli.main import main
from marketkit.errors import InputError, UnknownSymbol
from marketkit.sandbox import Sandbox
from tests.integration.conftest import NOW
from tests.integration.test_notebook_job import of_type, run, started
from tests.waiting import PATIENCE

CELL = """
import marketkit as mk
mk.board("KRW-*", rows=3, seconds=1.5, tz="Asia/Seoul")
print("over")
"""


def test_a_board_has_names_prices_and_changes_by_turnover(provider, capsys):
    some = ["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL"]
    provider.board(some, rows=3, seconds=0.3, tz="Asia/Seoul")
    lines = capsys.readouterr().out.splitlines()[-6:]
    assert lines[0].startswith("3 of ")
    assert lines[0].endswith(" Asia/Seoul")
    assert lines[1].split() == ["symbol", "name", "price", "change", "turnover", "24h"]
    table = provider.get_ticker(some).sort("value_24h", descending=True)
    shown = [line.split() for line in lines[3:6]]
    assert [row[0] for row in shown] == table["symbol"].head(3).to_list()
    assert [float(row[2].replace(",", "")) for row in shown] == table["price"].head(3).to_list()
    assert "비트코인" in " ".join(lines)


def test_symbols_are_a_code_a_list_or_a_glob(provider, capsys):
    provider.board("KRW-BTC", seconds=0.3)
    assert "KRW-BTC" in capsys.readouterr().out
    provider.board(["KRW-BTC", "BTC-ETH"], seconds=2)  # on a busy machine it is drawn once more
    assert {"KRW-BTC", "BTC-ETH"} <= set(capsys.readouterr().out.split())
    provider.board("KRW-*", rows=2, seconds=0.3)
    assert "KRW-BTC" in capsys.readouterr().out
    with pytest.raises(UnknownSymbol):
        provider.board("KRW-BCT", seconds=0.3)
    with pytest.raises(InputError, match="rows=0"):
        provider.board("KRW-BTC", rows=0)


def test_an_async_board_ends_with_its_task_and_closes_its_feed(provider):
    async def cancelled():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(provider.twin.board("KRW-BTC"), 0.5)

    asyncio.run(cancelled())
    assert all(handle.closed for handle in provider.twin._streams._handles)


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal")
def test_an_interrupt_ends_a_board_and_nothing_else(provider, capsys):
    def interrupt() -> None:
        end = time.monotonic() + PATIENCE
        while not capsys.readouterr().out and time.monotonic() < end:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    other = threading.Thread(target=interrupt)
    other.start()
    provider.board("KRW-BTC")
    other.join()
    assert all(handle.closed for handle in provider.twin._streams._handles)


def test_the_command_shows_the_same_board(exchange, tmp_path, capsys):
    where = ["--endpoint", exchange.endpoint, "--lake", str(tmp_path)]
    code = main(["board", "KRW-BTC", "--max-time", "5s", *where])
    assert code == 0
    assert "비트코인" in capsys.readouterr().out


@pytest.mark.slow
def test_in_a_cell_a_board_is_drawn_in_place_with_colours_and_as_text(tmp_path):
    with (
        Sandbox(seed=1, now=NOW, speed=20) as exchange,
        started(exchange, tmp_path) as (_, client),
    ):
        _, messages = run(client, CELL)
    (drawn,) = of_type(messages, "display_data")
    place = drawn["content"]["transient"]["display_id"]
    again = of_type(messages, "update_display_data")
    assert all(each["content"]["transient"]["display_id"] == place for each in again)
    last = (again or [drawn])[-1]["content"]["data"]
    assert "비트코인" in last["text/plain"]
    assert "color:#" in last["text/html"]
    assert [each["content"]["text"] for each in of_type(messages, "stream")] == ["over\n"]
