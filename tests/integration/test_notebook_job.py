"""In a notebook the bar stays under the cell that began the job, and moves while others run."""

from __future__ import annotations

import os
from contextlib import contextmanager

import pytest
from jupyter_client.manager import KernelManager

from marketkit.sandbox import Sandbox
from tests.waiting import PATIENCE

VIEW = "application/vnd.jupyter.widget-view+json"
BEGIN = """
import marketkit as mk
job = mk.backfill("KRW-BTC", "1m", start="2026-09-01", end="2026-11-19")
"""
MEANWHILE = """
import time
before = job.progress.requests
while job.progress.requests < before + 12:
    time.sleep(0.05)
print("moved", job.done)
"""


# A kernel whose shell is made of IPython's, as Colab's is.
SUBCLASS = """
from ipykernel.ipkernel import IPythonKernel
from ipykernel.zmqshell import ZMQInteractiveShell
from traitlets import Type

class Shell(ZMQInteractiveShell):
    pass

class Kernel(IPythonKernel):
    shell_class = Type(Shell)
"""
SHOW = """
import marketkit as mk
feed = mk.watch("KRW-BTC", "ticker")
feed.wait(120)
feed.show(1)
"""


@contextmanager
def started(exchange, folder, *arguments):
    """Run a kernel whose default provider talks to a sandbox; give its manager and a client."""
    manager = KernelManager()
    places = {
        "MARKETKIT_ENDPOINT": exchange.endpoint,
        "MARKETKIT_LAKE": str(folder / "lake"),
        "MARKETKIT_BUDGET_DIR": str(folder / "budget"),
        "PYTHONWARNINGS": "ignore:the clock of this machine:UserWarning",  # it stands elsewhere
    }
    paths = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, **places, "PYTHONPATH": paths}
    manager.start_kernel(env=environment, extra_arguments=list(arguments))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture
def other_kernel(tmp_path):
    """A client of a kernel whose shell is a subclass of the usual one."""
    (tmp_path / "other_kernel.py").write_text(SUBCLASS)
    with (
        Sandbox(seed=1, now="2026-11-20T00:00:30Z", speed=0) as exchange,
        started(exchange, tmp_path, "--IPKernelApp.kernel_class=other_kernel.Kernel") as (_, one),
    ):
        yield one


@pytest.fixture
def kernel(tmp_path):
    """A client of a kernel whose requests go at the legal pace."""
    with (
        Sandbox(seed=1, now="2026-11-20T00:00:30Z", speed=0) as exchange,
        started(exchange, tmp_path) as (_, client),
    ):
        yield client


def run(kernel, code):
    """Run a cell; give its id and all messages that came until it was done."""
    cell = kernel.execute(code)
    messages = []
    while True:
        message = kernel.get_iopub_msg(timeout=PATIENCE)
        messages.append(message)
        assert message["msg_type"] != "error", message["content"]
        ours = message["parent_header"].get("msg_id") == cell
        if ours and message["content"].get("execution_state") == "idle":
            return cell, messages


def of_type(messages, kind):
    return [each for each in messages if each["msg_type"] == kind]


def test_the_widget_belongs_to_its_cell_and_moves_while_the_next_one_runs(kernel):
    cell, messages = run(kernel, BEGIN)
    (shown,) = of_type(messages, "display_data")
    assert shown["parent_header"]["msg_id"] == cell
    assert VIEW in shown["content"]["data"]
    assert shown["content"]["data"]["text/plain"] == "<job KRW-BTC 1m>"
    models = {each["content"]["comm_id"] for each in of_type(messages, "comm_open")}
    following, messages = run(kernel, MEANWHILE)
    moves = of_type(messages, "comm_msg")
    assert len(moves) >= 2
    assert {each["content"]["comm_id"] for each in moves} <= models
    assert not of_type(messages, "display_data")
    (said,) = of_type(messages, "stream")
    assert said["parent_header"]["msg_id"] == following
    assert said["content"]["text"] == "moved False\n"
    run(kernel, "job.cancel(); job.join()")


def test_without_widgets_the_bar_is_redrawn_under_its_id(kernel):
    hidden = "import sys\nsys.modules['ipywidgets'] = None\n"
    cell, messages = run(kernel, hidden + BEGIN)
    (shown,) = of_type(messages, "display_data")
    assert shown["parent_header"]["msg_id"] == cell
    assert "<progress" in shown["content"]["data"]["text/html"]
    _, messages = run(kernel, MEANWHILE)
    moves = of_type(messages, "update_display_data")
    assert len(moves) >= 2
    ids = {each["content"]["transient"]["display_id"] for each in moves}
    assert ids == {shown["content"]["transient"]["display_id"]}
    assert not of_type(messages, "display_data")
    run(kernel, "job.cancel(); job.join()")


def test_the_state_survives_a_closed_tab(kernel):
    run(kernel, f"{BEGIN}job.cancel(); job.join()")
    _, messages = run(kernel, "job")
    (result,) = of_type(messages, "execute_result")
    assert "cancelled" in result["content"]["data"]["text/plain"]


def test_a_kernel_with_a_shell_of_its_own_gets_the_bar_and_the_frame_in_place(other_kernel):
    hidden = "import sys\nsys.modules['ipywidgets'] = None\n"
    _, messages = run(other_kernel, hidden + BEGIN)
    (bar,) = of_type(messages, "display_data")
    assert "<progress" in bar["content"]["data"]["text/html"]
    _, messages = run(other_kernel, MEANWHILE)
    moves = of_type(messages, "update_display_data")
    assert {each["content"]["transient"]["display_id"] for each in moves} == {
        bar["content"]["transient"]["display_id"]
    }
    run(other_kernel, "job.cancel(); job.join()")
    _, messages = run(other_kernel, SHOW)
    (frame,) = of_type(messages, "display_data")
    assert "<table" in frame["content"]["data"]["text/html"]
    assert frame["content"]["transient"]["display_id"]
    assert not of_type(messages, "stream")
