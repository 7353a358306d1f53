"""Children made by fork: refused where threads are missing, served where none was there."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.waiting import PATIENCE

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def run(body: str) -> list[str]:
    """Run a program whose child says what it finds, and give the lines."""
    program = """
        import os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 on fork with threads
        from marketkit.net import fork

        def child():
            if (pid := os.fork()):
                os.waitpid(pid, 0)
                return
            try:
                fork.check()
                print("served", flush=True)
            except Exception as error:
                print(type(error).__name__, "spawn" in str(error), fork.stranded(), flush=True)
            os._exit(0)
    """
    text = textwrap.dedent(program) + textwrap.dedent(body)
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    return done.stdout.splitlines()


def test_a_child_of_a_process_without_threads_is_served_and_so_is_its_parent():
    assert run("import polars; child(); fork.check(); print('parent')") == ["served", "parent"]


def test_a_child_is_refused_where_the_engine_runs_and_its_parent_is_served():
    body = """
        from marketkit.net.engine import engine
        async def nothing(): pass
        engine().run(nothing())
        child()
        fork.check()
        print("parent")
    """
    assert run(body) == ["EngineClosed True True", "parent"]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads cannot be listed here")
def test_a_child_is_refused_where_the_threads_of_polars_run():
    body = """
        import polars as pl
        child()
        pl.DataFrame({"a": range(1000)}).group_by("a").len().sort("a")
        child()
    """
    assert run(body) == ["served", "EngineClosed True True"]


def test_the_child_of_a_refused_child_is_refused():
    body = """
        fork.serving()
        if (pid := os.fork()):
            os.waitpid(pid, 0)
        else:
            child()
            os._exit(0)
    """
    assert run(body) == ["EngineClosed True True"]
