"""Callbacks of a handle, each in a daemon thread: none holds up another, the loop or the exit."""

from __future__ import annotations

import contextvars
import inspect
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from marketkit.errors import EngineClosed, FeedOverflow, InputError, MarketkitError, NetworkError
from marketkit.realtime.consumers import Consumer

_ERRORS_KEPT = 100  # enough to see what goes wrong, whatever a callback raises a thousand times

_log = logging.getLogger("marketkit.realtime")

F = TypeVar("F")  # the type of frames


class Failures:
    """Failures of a handle's callbacks: the newest, and how many calls failed so far."""

    def __init__(self) -> None:
        self.newest: deque[BaseException] = deque(maxlen=_ERRORS_KEPT)
        self.calls = 0
        self._lock = threading.Lock()

    def add(self, failure: BaseException) -> None:
        """Count a failed call."""
        with self._lock:
            self.calls += 1
            self.newest.append(failure)


class Callback(Generic[F]):
    """A callback that is to be served with frames of events, one call at a time.

    Raises `InputError` for a coroutine function.
    """

    def __init__(self, call: Callable[[F], object], failures: Failures) -> None:
        if _is_async(call):
            raise InputError("a callback is no coroutine function: use `async for` instead")
        self._call = call
        self._failures = failures
        self._failed = False

    def serve(self, consumer: Consumer[F], ended: Callable[[], None]) -> None:
        """Begin in a thread, and call `ended` at the end of the events."""

        def work() -> None:
            try:
                while self._once(consumer):
                    pass
            finally:
                ended()

        here = contextvars.copy_context()
        threading.Thread(
            target=here.run, args=(work,), name="marketkit-callback", daemon=True
        ).start()

    def _once(self, consumer: Consumer[F]) -> bool:
        """Make one call, and say whether more may come."""
        try:
            frame = next(consumer)
        except (StopIteration, EngineClosed):
            return False
        except FeedOverflow as overflow:
            _log.warning("a callback is too slow: %s", overflow)
            self._failures.newest.append(overflow)
            return True
        except NetworkError as why:  # no stream has opened, which the log says already
            self._failures.newest.append(why)
            return True
        except MarketkitError as failure:  # why nothing comes, which the stream has told itself
            self._failures.newest.append(failure)
            return True
        except Exception as failure:  # noqa: BLE001 - the stream's, and the next read is its end
            self._fail(failure)
            return True
        try:
            _check(self._call(frame))
        except BaseException as failure:  # noqa: BLE001 - SystemExit, too, ends a thread in silence
            self._fail(failure)
        return True

    def _fail(self, failure: BaseException) -> None:
        self._failures.add(failure)
        if not self._failed:
            self._failed = True
            _log.error(
                "a callback failed; its feed goes on, further failures are only counted",
                exc_info=failure,
            )


def _is_async(call: Callable[..., object]) -> bool:
    return any(map(inspect.iscoroutinefunction, (call, type(call).__call__)))


def _check(result: object) -> None:
    """Refuse the result of a coroutine function in disguise, which nobody would await."""
    if inspect.iscoroutine(result):
        result.close()
        raise InputError("a callback gave a coroutine, which nobody awaits: use `async for`")
