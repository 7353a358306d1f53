"""One background event loop a process, for sync and async callers alike."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import concurrent.futures.thread  # its exit hook must be older than ours, to run after ours
import contextlib
import functools
import logging
import math
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

from marketkit.disk.system import at_fork, give_back, interrupt_main_alone, share_memory
from marketkit.errors import EngineClosed, TimedOut, remembering_caller
from marketkit.net import fork
from marketkit.net.names import look_up_aside

P = ParamSpec("P")
T = TypeVar("T")
Closer = Callable[[], Awaitable[None]]

_log = logging.getLogger("marketkit.net")

_ITSELF = (
    "a sync call on marketkit's own event loop would wait for itself; await the async twin instead"
)
_NO_LOOP = (
    "marketkit's async calls need a running asyncio loop, and there is none (is this trio?);"
    "\ncall the sync twin in a thread: await trio.to_thread.run_sync(mk.get_ticker, 'KRW-BTC')"
)
_LEAST = 0.25  # seconds that every call has: closing comes last, when time may be over
# Seconds after which free memory is given back: streams of all markets take and free up to 30 MB in
# ten seconds, and to give them back takes up to 4 ms of processor beside the loop.
_TIDY_AFTER = 2.0
_ENDS: ContextVar[float] = ContextVar("marketkit_ends", default=math.inf)


class Engine:
    """A daemon thread with an event loop, started by the first call.

    Every connection, budget and task of marketkit lives on this loop, so sync calls work in a
    script, inside somebody else's running loop and in a Jupyter cell. A child made by `fork`
    starts its own if no thread of its parent is missing there, and else refuses every call.
    """

    def __init__(self, name: str = "marketkit-io") -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closers: list[Closer] = []
        self._hooked = False
        self._spared = False  # whether Ctrl-C spares the threads beside the main one
        self._closed = False

    @property
    def here(self) -> bool:
        """Whether this is the engine's own thread."""
        return threading.current_thread() is self._thread

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def check(self) -> None:
        """Raise `EngineClosed` where a sync wait would never end: here, or in a forked child."""
        fork.check()
        if self.here:
            raise EngineClosed(_ITSELF)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run `coroutine` on the engine's loop and wait for the result.

        Ctrl-C cancels the coroutine, not only the wait. Raises `EngineClosed` on the engine's own
        thread, where waiting would be a deadlock, and after `close`; `TimedOut` by `ending_at`.
        """
        try:
            self.check()
            future, ends = self.submit(coroutine), max(_ENDS.get(), time.monotonic() + _LEAST)
        except BaseException:  # Ctrl-C, too
            self._drop(coroutine)
            raise
        try:
            while not future.done():
                if (left := ends - time.monotonic()) <= 0:
                    raise TimedOut("the time that was given was over before the answer came")
                # Windows cannot interrupt an endless wait on a lock.
                with contextlib.suppress(TimeoutError):
                    future.exception(timeout=min(0.5, left))
            return future.result()
        except concurrent.futures.CancelledError:
            raise EngineClosed("marketkit's event loop was closed during the call") from None
        finally:
            future.cancel()  # nothing happens to a future that is done

    async def arun(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await `coroutine` from any event loop; the body runs on the engine's.

        Cancelling the caller cancels the coroutine. Raises `EngineClosed` after `close`, and where
        no asyncio loop runs, as under trio.
        """
        try:
            here = asyncio_loop()
        except EngineClosed:
            coroutine.close()
            raise
        if here is self._loop:
            return await coroutine
        future = asyncio.wrap_future(self.submit(coroutine))
        try:
            while not future.done():
                # ipykernel's interrupt does not wake a sleeping loop (ipykernel#881): tick.
                await asyncio.wait((future,), timeout=0.25)
            return future.result()
        finally:
            future.cancel()

    def on_close(self, closer: Closer) -> None:
        """Have `closer` awaited on the engine's loop when the engine closes; the last one first."""
        self._closers.append(closer)

    def close(self, timeout: float = 2.0) -> None:
        """Await the closers, cancel all running tasks and stop the thread.

        `timeout` bounds the closers, and then the rest, in seconds. The engine stays closed.
        """
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        closing = asyncio.run_coroutine_threadsafe(self._close_all(), loop)
        concurrent.futures.wait((closing,), timeout)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout)

    async def _close_all(self) -> None:
        for closer in reversed(self._closers):
            try:
                await closer()
            except Exception:  # noqa: BLE001 - the others must still be closed
                _log.exception("closing %r failed", closer)

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start `coroutine` on the engine's loop and return at once. Raises `EngineClosed`."""
        try:
            fork.check()
            loop = self._loop or self._start()
            self._spared = self._spared or interrupt_main_alone()
            with remembering_caller():
                return asyncio.run_coroutine_threadsafe(coroutine, loop)
        except RuntimeError:  # closed: without this the coroutine would warn that nobody awaited it
            coroutine.close()
            raise

    def _drop(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """End a coroutine of which nobody knows whether the loop has begun it already.

        One that has not would warn that nobody awaited it; the task of one that has must end.
        """

        def end() -> None:
            for task in asyncio.all_tasks():
                if task.get_coro() is coroutine:
                    task.cancel()
                    return
            coroutine.close()

        try:
            if self._loop is None:
                coroutine.close()
            else:
                self._loop.call_soon_threadsafe(end)  # after the loop has made a task of it, if so
        except RuntimeError:  # the loop was closed
            coroutine.close()

    def _start(self) -> asyncio.AbstractEventLoop:
        fork.serving()  # first, for a child may be forked in the midst of this
        with self._lock:
            if self._closed:
                raise EngineClosed("marketkit's event loop is closed")
            if self._loop is None:
                import polars  # noqa: F401, ICN001, PLC0415 - before Ctrl-C is set right; else `--help` is slow

                self._hook()
                loop = asyncio.new_event_loop()
                look_up_aside(loop)
                self._thread = threading.Thread(
                    target=_serve, args=(loop,), name=self._name, daemon=True
                )
                self._thread.start()
                self._loop = loop
            return self._loop

    def _hook(self) -> None:
        """Have the engine closed at exit and reset after a fork, once."""
        if self._hooked:
            return
        self._hooked = True
        me = weakref.ref(self)
        # The private hook runs while threads can still be scheduled; atexit comes after that.
        register = getattr(threading, "_register_atexit", atexit.register)
        register(lambda: _call(me, Engine.close))
        at_fork(after_in_child=lambda: _call(me, Engine._forget))

    def _forget(self) -> None:
        """Drop the parent's thread and loop; closing the sockets would end the parent's calls."""
        self._lock = threading.Lock()
        self._loop = self._thread = None
        self._closers = []


_ENGINE = Engine()  # an object only: its thread starts with the first call


def engine() -> Engine:
    """Give the engine of this process."""
    return _ENGINE


@contextlib.contextmanager
def ending_at(moment: float) -> Iterator[None]:
    """Have sync calls of a block, in this thread, raise `TimedOut` at a `time.monotonic` moment."""
    token = _ENDS.set(moment)
    try:
        yield
    finally:
        _ENDS.reset(token)


def asyncio_loop() -> asyncio.AbstractEventLoop:
    """Give the loop of the caller.

    Raises `EngineClosed` where none runs, as under trio, and in a forked child as `check` does.
    """
    fork.check()
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise EngineClosed(_NO_LOOP) from None


def on_engine(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Make an async function awaitable from any event loop; the body runs on the engine's."""

    @functools.wraps(method)
    async def anywhere(*args: P.args, **kwargs: P.kwargs) -> T:
        return await engine().arun(method(*args, **kwargs))

    return anywhere


def run_here(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that sends nothing in the caller's own thread, without an event loop.

    What it does with `aside` is done at once. Raises `EngineClosed` on the engine's thread.
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise EngineClosed(_ITSELF)


async def aside(work: Callable[[], T]) -> T:
    """Do long work beside the engine's loop; in a caller's own thread nobody else waits."""
    return await asyncio.to_thread(work) if engine().here else work()


async def end_task(task: asyncio.Task[None] | None) -> None:
    """Cancel a task, if there is one, and wait for the end."""
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    """Run the loop until stopped, then let every task see the cancellation."""
    share_memory()
    asyncio.set_event_loop(loop)
    # Soon, too: Python 3.12.0 and 3.12.1 start no thread at the exit, when closers write what is in
    # hand, and this leaves one.
    loop.call_soon(_tidy, loop)
    try:
        _run(loop)
        loop.run_until_complete(_cancel_all())
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Run the loop until stopped; an interrupt ends the task that it meets, and no other one."""
    while True:
        try:
            return loop.run_forever()
        except KeyboardInterrupt:  # as polars raises it, where no main thread has called yet
            _log.warning("Ctrl-C ended a task of marketkit's event loop; the loop goes on")


def _tidy(loop: asyncio.AbstractEventLoop) -> None:
    """Have memory given back beside the loop, now and every few seconds."""
    with contextlib.suppress(RuntimeError):  # the exit has begun
        loop.run_in_executor(None, give_back)
        loop.call_later(_TIDY_AFTER, _tidy, loop)


async def _cancel_all() -> None:
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in others:
            task.cancel()
        await asyncio.wait(others)


def _call(me: weakref.ref[Engine], method: Callable[[Engine], None]) -> None:
    """Call `method` if the engine still exists: hooks of the interpreter must keep none alive."""
    if (engine := me()) is not None:
        method(engine)
