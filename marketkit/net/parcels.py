"""Work that is handed to somebody else's executor: as bytes, to processes of the same marketkit.

A parcel is a function and its arguments, pickled once and here, so that what cannot travel is
refused before anything is sent. Over there the version is compared before the bytes are read.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import secrets
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from typing import Any, NamedTuple

from marketkit.errors import InputError, MarketkitError, NotPicklable
from marketkit.net import fork
from marketkit.settings import library_version

_GIVE = "give Dask's client.get_executor(), or a ProcessPoolExecutor that spawns"
_BREAKS = {"BrokenProcessPool", "KilledWorker"}  # of the standard library, and of Dask
_SHOWN = 200  # letters of a failure that is told on


class Parcel(NamedTuple):
    """A piece of work on the way: the version of the sender, and the pickled function and all.

    Of two parcels with the same bytes none is the other: some executors ask for each work once.
    """

    version: str
    content: bytes
    mark: str


def check_executor(on: object) -> Executor:
    """Give an executor back. Raises `InputError` for what is none, and for one that forks.

    A child made by `fork` has the locks of our threads but not the threads: it would hang.
    """
    if not isinstance(on, Executor):
        hint = "; write on=client.get_executor()" if hasattr(on, "get_executor") else f"; {_GIVE}"
        raise InputError(f"on={type(on).__name__} is no concurrent.futures.Executor{hint}")
    for name in ("_mp_context", "_context"):
        start = getattr(getattr(on, name, None), "get_start_method", None)
        if start is not None and start() == "fork":
            raise InputError(
                f"{type(on).__name__} makes its processes by fork, where polars and marketkit would"
                " hang;\ngive it mp_context=multiprocessing.get_context('spawn')"
            )
    return on


def pack(work: Callable[..., Any], *arguments: object) -> Parcel:
    """Pickle a function with its arguments. Raises `NotPicklable` with the name of a function.

    That is the caller's own, where the first argument is one to be called over there. With
    cloudpickle installed, as with Dask, functions of a notebook travel, too.
    """
    try:
        content = _dumps((work, arguments))
    except MarketkitError:
        raise
    except Exception as error:
        theirs = next(filter(callable, arguments[:1]), work)
        name = getattr(theirs, "__qualname__", type(theirs).__name__)
        raise NotPicklable(name, _words(error)) from error
    return Parcel(library_version(), content, secrets.token_hex(4))


def send(on: Executor, parcel: Parcel) -> Future[Any]:
    """Hand a parcel to an executor. Raises `MarketkitError` where that takes no more work."""
    try:
        return on.submit(unpack, *parcel._replace(mark=secrets.token_hex(4)))
    except RuntimeError as error:  # closed, or broken by a process that was killed
        raise _broken(error) from error


def unpack(version: str, content: bytes, _mark: str) -> Any:
    """Do the work of a parcel, over there.

    Raises `InputError` where this process has another marketkit, and `EngineClosed` in a child made
    by `fork`, both before the bytes are read.
    """
    require_version(version)
    fork.check()
    work, arguments = pickle.loads(content)  # noqa: S301 - as every executor does with its work
    return work(*arguments)


def require_version(version: str) -> None:
    """Raise `InputError` where this process has another marketkit than the sender of some work."""
    mine = library_version()
    if version != mine:
        raise InputError(
            f"the worker {whereabouts()} has marketkit {mine}, and the work is of {version};"
            "\ninstall the same version in both"
        )


def whereabouts() -> str:
    """Name this process among those of all machines."""
    return f"{socket.gethostname()}:{os.getpid()}"


def failure_of(error: BaseException) -> BaseException:
    """Give the failure of a piece of work in words that say what to do.

    What was raised by the work itself is given back as it is.
    """
    if isinstance(error, MarketkitError):
        return error
    missing = next((each for each in _causes(error) if isinstance(each, ImportError)), None)
    if missing is not None and "marketkit" in str(missing):
        return InputError(
            f"a worker has no marketkit of version {library_version()} ({_words(missing)});"
            "\ninstall the same version there"
        )
    named = type(error).__name__
    if isinstance(error, CancelledError | asyncio.CancelledError) or named in {
        "BrokenProcessPool",
        "KilledWorker",
    }:
        return _broken(error)
    return error


def _broken(error: BaseException) -> MarketkitError:
    return MarketkitError(
        f"the executor does no more work: {type(error).__name__}: {_words(error)};"
        "\nwith a new one the same call goes on"
    )


def _dumps(thing: object) -> bytes:
    try:
        import cloudpickle  # noqa: PLC0415 - optional, and comes with Dask
    except ImportError:
        return pickle.dumps(thing)
    content: bytes = cloudpickle.dumps(thing)
    return content


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:_SHOWN]
