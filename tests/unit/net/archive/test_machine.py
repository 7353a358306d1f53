"""One at a time, among tasks and processes, and whatever becomes of the other."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from marketkit.net.archive.machine import only_process

HOLDER = """
import sys, time
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_process_holds_nobody_up(tmp_path):
    said = []
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "a.lock")], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"

    async def main():
        asyncio.get_running_loop().call_later(0.3, holder.kill)
        async with only_process(tmp_path / "a.lock", said.append):
            return holder.poll()

    asyncio.run(main())
    holder.communicate()
    assert said == ["waiting for another process, which downloads from the archive", ""]


def test_two_of_one_process_take_turns(tmp_path):
    order = []

    async def work(name):
        async with only_process(tmp_path / "deep" / "a.lock", lambda _: None):
            order.append(name)
            await asyncio.sleep(0.05)
            order.append(name)

    async def main():
        await asyncio.gather(work("a"), work("b"))

    asyncio.run(main())
    assert order in (["a", "a", "b", "b"], ["b", "b", "a", "a"])


def test_where_no_lock_can_be_had_a_warning_says_so(tmp_path):
    (tmp_path / "file").write_text("")

    async def main():
        async with only_process(tmp_path / "file" / "a.lock", lambda _: None):
            return "done"

    with pytest.warns(UserWarning, match="another process may download at the same time"):
        assert asyncio.run(main()) == "done"
