"""The engine: one loop for sync and async callers, interruptible, forkable, quiet at exit."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import itertools
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator

import pytest

from marketkit.errors import EngineClosed, TimedOut
from marketkit.net import engine as module
from marketkit.net.engine import Engine, aside, engine, on_engine, run_here
from tests.waiting import PATIENCE, wait

ANSWER = 42
# A busy machine makes callbacks slow, which -X dev would report; errors are still reported.
QUIET = "import logging; logging.getLogger('asyncio').setLevel(logging.ERROR)\n"


@pytest.fixture
def own() -> Iterator[Engine]:
    made = Engine("test-engine")
    yield made
    made.close()


def run_script(body: str) -> subprocess.CompletedProcess[str]:
    """Run a script with every warning an error, as a user's program would be."""
    return subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", QUIET + textwrap.dedent(body)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


async def answer() -> int:
    await asyncio.sleep(0)
    return ANSWER


async def thread_name() -> str:
    return threading.current_thread().name


def test_nothing_is_started_before_the_first_call():
    Engine("never-started")
    assert "never-started" not in {t.name for t in threading.enumerate()}


def test_a_script_gets_the_result(own):
    assert own.run(answer()) == ANSWER


def test_a_sync_call_works_inside_a_running_loop(own):
    async def cell():
        return own.run(answer())

    assert asyncio.run(cell()) == ANSWER


def test_an_async_call_runs_on_the_engine_from_any_loop(own):
    async def cell():
        return await own.arun(thread_name())

    assert asyncio.run(cell()) == "test-engine"


def test_an_async_call_on_the_engine_itself_is_awaited_directly(own):
    async def outer():
        return await own.arun(answer())

    assert own.run(outer()) == ANSWER


def test_errors_reach_the_caller_with_their_type(own):
    async def fail():
        raise TimedOut("no answer")

    with pytest.raises(TimedOut, match="no answer"):
        own.run(fail())
    with pytest.raises(TimedOut, match="no answer"):
        asyncio.run(own.arun(fail()))


def test_a_sync_call_on_the_engine_thread_is_refused_instead_of_waiting_for_itself(own):
    async def misuse():
        return own.run(answer())

    with pytest.raises(EngineClosed, match="wait for itself"):
        own.run(misuse())


def test_what_waits_for_nothing_runs_in_the_callers_thread_and_in_a_running_loop():
    async def read():
        return await aside(threading.get_ident)

    async def cell():
        return run_here(read())

    assert run_here(read()) == asyncio.run(cell()) == threading.get_ident()


def test_on_the_engine_what_takes_long_leaves_the_loop_free():
    async def read():
        return await aside(threading.get_ident), threading.get_ident()

    worker, loop = engine().run(read())
    assert worker != loop


def test_on_the_engines_own_thread_nothing_can_be_waited_for_in_place():
    async def read():
        return await aside(threading.get_ident)

    async def misuse():
        return run_here(read())

    with pytest.raises(EngineClosed, match="wait for itself"):
        engine().run(misuse())


def test_context_variables_reach_the_coroutine(own):
    who = contextvars.ContextVar("who", default="nobody")

    async def ask():
        return who.get()

    who.set("sync")
    assert own.run(ask()) == "sync"

    async def cell():
        who.set("async")
        return await own.arun(ask())

    assert asyncio.run(cell()) == "async"


def test_cancelling_an_async_call_cancels_the_coroutine(own):
    began, ended = threading.Event(), threading.Event()

    async def slow():
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def cell():
        call = asyncio.create_task(own.arun(slow()))
        await asyncio.to_thread(began.wait, 10)
        call.cancel()
        await asyncio.wait((call,))
        return call.cancelled()

    assert asyncio.run(cell())
    assert ended.wait(PATIENCE)


def test_closers_run_on_the_engine_last_one_first_even_if_one_fails(own, caplog):
    seen: list[str] = []

    async def first():
        seen.append(threading.current_thread().name)

    async def broken():
        raise RuntimeError("cannot close")

    async def last():
        seen.append("last")

    for closer in (first, broken, last):
        own.on_close(closer)
    own.run(answer())
    own.close()
    assert seen == ["last", "test-engine"]
    assert "cannot close" in caplog.text


def test_closing_cancels_what_still_runs_and_ends_the_thread(own):
    ended = threading.Event()

    async def forever():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def start():
        return asyncio.create_task(forever())

    task = own.run(start())
    own.close()
    assert ended.is_set()
    assert task.cancelled()
    assert "test-engine" not in {t.name for t in threading.enumerate()}


def test_a_call_after_close_says_so(own):
    own.close()
    with pytest.raises(EngineClosed, match="closed"):
        own.run(answer())


def test_a_waiting_call_is_told_when_the_engine_closes(own):
    began = threading.Event()
    errors: list[BaseException] = []

    async def forever():
        began.set()
        await asyncio.Event().wait()

    def wait():
        try:
            own.run(forever())
        except EngineClosed as error:
            errors.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    began.wait(PATIENCE)
    own.close()
    waiter.join(PATIENCE)
    assert "during the call" in str(errors[0])


def test_calls_of_a_block_end_at_a_moment_and_are_cancelled(own):
    cancelled = threading.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with module.ending_at(time.monotonic() + 0.05), pytest.raises(TimedOut, match="was over"):
        own.run(work())
    assert cancelled.wait(PATIENCE)
    assert own.run(asyncio.sleep(0.06, ANSWER)) == ANSWER


def test_the_decorator_keeps_the_signature_and_moves_the_body_to_the_engine():
    class Twin:
        @on_engine
        async def where(self, suffix: str, *, times: int = 1) -> str:
            """Say where."""
            return (threading.current_thread().name + suffix) * times

    assert list(inspect.signature(Twin.where).parameters) == ["self", "suffix", "times"]
    assert Twin.where.__doc__ == "Say where."
    assert asyncio.run(Twin().where("!", times=2)) == "marketkit-io!" * 2
    assert engine().run(Twin().where("?")) == "marketkit-io?"


def test_a_process_has_one_engine():
    assert engine() is engine()


def test_exit_is_clean_while_work_is_under_way():
    done = run_script("""
        import asyncio
        from marketkit.net.engine import engine

        async def close():
            await asyncio.to_thread(print, "closed")  # executors must still work here

        async def start():
            task = asyncio.create_task(asyncio.sleep(3600))
            engine().on_close(close)
            return task

        task = engine().run(start())
        print("end")
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\nclosed\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_is_refused_at_once_and_leaves_the_parent_alone():
    done = run_script("""
        import asyncio, os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 on fork with threads
        from marketkit.errors import EngineClosed
        from marketkit.net.engine import engine

        async def pid():
            return os.getpid()

        def said(call):
            try:
                return call()
            except EngineClosed as error:
                return "spawn" in str(error)

        engine().run(pid())
        child = os.fork()
        if child == 0:
            run, arun = lambda: engine().run(pid()), lambda: asyncio.run(engine().arun(pid()))
            print("child", said(run), said(arun), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        print("parent", engine().run(pid()) == os.getpid())
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "child True True\nparent True\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_forked_before_the_first_call_starts_its_own_loop():
    done = run_script("""
        import os
        from marketkit.net.engine import engine

        async def pid():
            return os.getpid()

        child = os.fork()
        if child == 0:
            print("child", engine().run(pid()) == os.getpid(), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        print("parent", engine().run(pid()) == os.getpid())
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "child True\nparent True\n", "")


def test_without_an_asyncio_loop_an_async_call_says_so_and_what_to_do(own):
    """It is driven as trio drives it: from outside of asyncio."""
    with pytest.raises(EngineClosed, match=r"trio.to_thread.run_sync"):
        own.arun(answer()).send(None)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a single process there")
def test_an_interrupt_cancels_the_coroutine_and_the_script_can_end_quietly():
    done = run_script("""
        import asyncio, os, signal, sys, threading
        from marketkit.net.engine import engine

        async def main_thread_waits():
            main = threading.main_thread().ident
            while not sys._current_frames()[main].f_code.co_filename.endswith("threading.py"):
                await asyncio.sleep(0.001)

        async def slow():
            await main_thread_waits()
            os.kill(os.getpid(), signal.SIGINT)
            try:
                await asyncio.sleep(3600)
            finally:
                sys.stdout.write("cancelled\\n")

        try:
            engine().run(slow())
        except KeyboardInterrupt:
            sys.stdout.write("interrupted\\n")
    """)
    assert sorted(done.stdout.split()) == ["cancelled", "interrupted"]
    assert (done.returncode, done.stderr) == (0, "")


BUSY = """
    import asyncio, os, signal, sys, threading, time
    import polars as pl
    from marketkit.net.engine import engine

    FRAME = pl.DataFrame({"a": range(1000)})
    met, rounds = [], 0

    def work():
        for _ in range(20):
            FRAME.select(pl.col("a").cast(pl.Int32)).sort("a")

    def beside():
        while not ended:
            try:
                work()
            except BaseException as error:
                met.append(error)

    async def on_the_loop():
        global rounds
        while True:
            work()
            await asyncio.to_thread(work)
            rounds += 1

    async def seen():
        return rounds

    ended = False
    task = engine().submit(on_the_loop())
    threading.Thread(target=beside).start()
    struck = 0
    while struck < 100:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)
        except KeyboardInterrupt:
            struck += 1
            time.sleep(0.01)
    before = engine().run(seen())
    while engine().run(seen()) < before + 3 and not task.done():
        time.sleep(0.01)
    ended = True
    print(task.done(), len(met))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a single process there")
def test_ctrl_c_is_for_the_main_thread_alone_whoever_works_with_frames():
    """Polars raises it in each thread that calls it just then."""
    done = run_script(BUSY)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False 0\n", "")


def test_an_interrupt_within_a_task_ends_that_task_and_not_the_loop(own, caplog):
    async def interrupted():
        raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            own.run(interrupted())
        assert own.run(answer()) == ANSWER
    assert "goes on" in caplog.text


def test_a_task_is_over_when_it_was_ended_and_none_is_nothing_to_end():
    ended = []

    async def work():
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    async def main():
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        await module.end_task(task)
        await module.end_task(None)

    asyncio.run(main())
    assert ended == [True]


def interrupted_at(engine, line, call):
    """Call with a Ctrl-C at the n-th line on the way to the loop; say whether it came to that."""
    files = {module.__file__, asyncio.tasks.__file__, asyncio.base_events.__file__}
    lines = itertools.count(1)

    def trace(frame, event, argument):
        if event == "line" and frame.f_code.co_filename in files and next(lines) == line:
            sys.settrace(None)
            time.sleep(0.01)  # the loop goes on meanwhile
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        engine.run(call())
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_ctrl_c_at_any_line_of_a_call_leaves_no_task_and_says_nothing(own, caplog, recwarn):
    async def call():
        await asyncio.sleep(0.05)

    async def tasks():
        return len(asyncio.all_tasks())

    own.run(call())
    lines = 1  # on the very first nothing can hold the coroutine yet
    while interrupted_at(own, lines + 1, call):
        lines += 1
        gc.collect()
    assert lines > 20
    # Those that were cancelled last may be about to end.
    wait(lambda: own.run(tasks()) <= 1)
    assert not caplog.records
    assert not [each for each in recwarn if each.category is RuntimeWarning]
