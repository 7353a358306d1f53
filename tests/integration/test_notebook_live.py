"""In a notebook a live frame moves under its cell until the interrupt, and a cell can run again."""

from __future__ import annotations

import pytest

from marketkit.sandbox import Sandbox
from tests.integration.conftest import NOW
from tests.integration.test_notebook_job import of_type, run, started
from tests.integration.test_watch import streaming
from tests.waiting import PATIENCE

FEED = """
import marketkit as mk
feed = mk.watch(["KRW-BTC", "KRW-ETH"], "ticker")
feed.wait(120)
feed.show()
print("over")
"""
LIVE = """
import marketkit as mk
live = mk.live("KRW-BTC", "1m", history="5m")
live.show()
print("over")
"""
CONSUMERS = """
import gc, time
from marketkit.realtime.client import _CLIENTS
(one,) = _CLIENTS.values()
gc.collect()
def consumers():
    return sorted(one._subscriptions._consumers.items())
end = time.monotonic() + 120
while time.monotonic() < end and any(count != 1 for _, count in consumers()):
    time.sleep(0.01)
print([(*stream, count) for stream, count in consumers()])
"""


@pytest.fixture
def exchange():
    """A sandbox of its own, whose clock stands still."""
    with Sandbox(seed=1, now=NOW, speed=0) as sandbox:
        yield sandbox


@pytest.fixture
def notebook(exchange, tmp_path):
    """A kernel whose default provider talks to that sandbox, and a client of it."""
    with started(exchange, tmp_path) as both:
        yield both


def show(notebook, exchange, code):
    """Run a cell that shows, see it drawn and moved, and interrupt it; give what it printed."""
    manager, client = notebook
    cell, drawn, moved, said = client.execute(code), None, 0, ""
    while True:
        message = client.get_iopub_msg(timeout=PATIENCE)
        kind, content = message["msg_type"], message["content"]
        assert message["parent_header"].get("msg_id") == cell
        assert kind != "error", content
        if kind == "display_data":
            assert drawn is None
            drawn = content["transient"]["display_id"]
            exchange.advance(60)
        elif kind == "update_display_data":
            assert content["transient"]["display_id"] == drawn
            moved += 1
            if moved == 1:
                manager.interrupt_kernel()
        elif kind == "stream":
            said += content["text"]
        elif content.get("execution_state") == "idle":
            assert moved
            return said


def consumers(client):
    _, messages = run(client, CONSUMERS)
    return "".join(each["content"]["text"] for each in of_type(messages, "stream"))


@pytest.mark.slow
def test_a_cell_that_shows_a_feed_ends_at_the_interrupt_and_runs_again_on_the_same_stream(
    notebook, exchange
):
    for _ in range(3):
        assert show(notebook, exchange, FEED) == "over\n"
    expected = "[('ticker', 'KRW-BTC', 1), ('ticker', 'KRW-ETH', 1)]\n"
    assert consumers(notebook[1]) == expected
    (connection,) = exchange.connections()
    assert connection["ended"] is None
    assert [part["type"] for part in connection["subscriptions"]] == ["ticker"]


@pytest.mark.slow
def test_a_cell_that_shows_candles_does_too_and_closing_lets_go(notebook, exchange):
    for _ in range(2):
        assert show(notebook, exchange, LIVE) == "over\n"
    assert consumers(notebook[1]) == "[('candle.1m', 'KRW-BTC', 1)]\n"
    assert len(exchange.connections()) == 1
    run(notebook[1], "live.close()")
    run(notebook[1], "assert not one._subscriptions.in_use()")
    assert len(streaming(exchange)) == 1
