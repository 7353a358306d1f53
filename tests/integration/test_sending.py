"""Sending to the sandbox: what goes wrong there, and being interrupted in a Jupyter kernel."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest

from marketkit.errors import Banned
from marketkit.exchange.dialect import RateLimit, Request
from marketkit.exchange.upbit.limits import UPBIT
from marketkit.net.transport import Transport
from marketkit.sandbox import Sandbox
from tests.waiting import PATIENCE

REQUEST = Request(
    "/v1/candles/minutes/1", (("market", "KRW-BTC"), ("to", "2026-01-01T00:00:00Z")), "candles"
)
RAISED = (10, 0.02)  # as fast as a test needs it, on both sides
FAULTS = ["429", "500", "reset", "truncate", "badjson", "html"]


def hurried(failure, attempt):
    """Wait a hundredth of what the policy says."""
    delay = UPBIT.retry_delay(failure, attempt)
    return None if delay is None else delay / 100


def to(exchange: Sandbox, directory: Path) -> Transport:
    limits = {"candles": RateLimit(*RAISED)}
    rules = replace(UPBIT, limits=limits, retry_delay=hurried)
    return Transport(exchange.endpoint, rules, timeout=PATIENCE, budget_dir=directory)


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_survived_and_every_answer_is_whole(fault, tmp_path):
    async def main(exchange):
        transport = to(exchange, tmp_path)
        bodies = [(await transport.send(REQUEST)).body for _ in range(12)]
        await transport.close()
        return bodies, transport.stats()["candles"]

    with Sandbox(now="2026-01-02T00:00:00Z", faults={fault: 0.25}, limit=RAISED) as exchange:
        bodies, stats = asyncio.run(main(exchange))
        seen = exchange.stats()
    assert len(set(bodies)) == 1
    assert bodies[0].startswith(b"[{")
    assert stats.retried == seen["faults"][fault] > 0
    assert stats.requests == seen["groups"]["candles"]["requests"] == 12 + stats.retried
    assert stats.failed == 0


def test_a_ban_stops_every_group_of_the_host(tmp_path):
    async def main(exchange):
        transport = to(exchange, tmp_path)
        for _ in range(2):
            with pytest.raises(Banned):
                await transport.send(REQUEST)
        await transport.close()

    with Sandbox(faults={"418": 1.0}, limit=RAISED) as exchange:
        asyncio.run(main(exchange))
        assert exchange.stats()["groups"]["candles"]["requests"] == 1


def test_the_exchanges_clock_is_followed(tmp_path):
    async def main(exchange):
        transport = to(exchange, tmp_path)
        await transport.send(REQUEST)
        await transport.close()
        return transport.now()

    with Sandbox(now="2026-01-02T00:00:00Z", speed=0.0, limit=RAISED) as exchange:
        assert 0 <= asyncio.run(main(exchange)) - exchange.now() < 1000


class SilentExchange:
    """Takes one request, never answers, and notes when the client goes."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.arrived = threading.Event()
        self.disconnected = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.recv(65_536)
            self.arrived.set()
            with contextlib.suppress(ConnectionResetError):
                connection.recv(1)
            self.disconnected.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._listener.close()


class Kernel:
    """A real IPython kernel, driven as a notebook does."""

    def __init__(self, client: Any, manager: Any) -> None:
        self._client = client
        self._manager = manager

    def start(self, code: str) -> str:
        """Send a cell and give its id."""
        return self._client.execute(code, stop_on_error=False)

    def result(self, cell: str) -> dict[str, Any]:
        """Wait for the reply to a cell."""
        while True:
            reply = self._client.get_shell_msg(timeout=PATIENCE)
            if reply["parent_header"]["msg_id"] == cell:
                return reply["content"]

    def run(self, code: str) -> dict[str, Any]:
        """Run a cell to its end."""
        return self.result(self.start(code))

    def interrupt(self) -> None:
        """Press the stop button."""
        self._manager.interrupt_kernel()


@pytest.fixture
def kernel(tmp_path, monkeypatch) -> Iterator[Kernel]:
    """A kernel with a transport to `endpoint` in reach: `transport_to(endpoint)`."""
    manager_module = pytest.importorskip("jupyter_client.manager")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    manager, client = manager_module.start_new_kernel(startup_timeout=60)
    try:
        made = Kernel(client, manager)
        ready = made.run(f"""
            import dataclasses
            import pathlib
            from marketkit.exchange.dialect import RateLimit, Request
            from marketkit.exchange.upbit.limits import UPBIT
            from marketkit.net.engine import engine
            from marketkit.net.transport import Transport

            REQUEST = {REQUEST!r}

            def transport_to(endpoint):
                rules = dataclasses.replace(UPBIT, limits={{"candles": RateLimit(10, 0.02)}})
                folder = pathlib.Path({str(tmp_path)!r})
                return Transport(endpoint, rules, timeout=120, budget_dir=folder)
        """)
        assert ready["status"] == "ok", ready
        yield made
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_in_a_kernel_a_sync_call_works_while_a_loop_runs(kernel):
    with Sandbox(limit=RAISED) as exchange:
        reply = kernel.run(f"""
            import asyncio
            assert asyncio.get_running_loop().is_running()
            response = engine().run(transport_to({exchange.endpoint!r}).send(REQUEST))
            assert response.status == 200, response
        """)
    assert reply["status"] == "ok", reply


@pytest.mark.parametrize(
    ("call", "errors"),
    [
        ("engine().run(transport.send(REQUEST))", {"KeyboardInterrupt"}),
        # At the top level the kernel cancels the cell's task instead of interrupting it.
        ("await engine().arun(transport.send(REQUEST))", {"KeyboardInterrupt", "CancelledError"}),
    ],
    ids=["sync", "await"],
)
def test_interrupting_a_slow_call_in_a_kernel_ends_it_and_the_server_sees_the_disconnect(
    kernel, call, errors
):
    with SilentExchange() as exchange:
        cell = kernel.start(f"transport = transport_to({exchange.endpoint!r})\n{call}")
        assert exchange.arrived.wait(PATIENCE)
        kernel.interrupt()
        reply = kernel.result(cell)
        assert (reply["status"], reply["ename"] in errors) == ("error", True), reply
        assert exchange.disconnected.wait(PATIENCE)
    assert kernel.run("engine().run(transport.close())")["status"] == "ok"
