"""Names of hosts, looked up on threads that no end of a program waits for.

An event loop's own threads are joined at the exit of Python: one that asks a name server that never
answers would hold up the end for half a minute.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Any


def look_up_aside(loop: asyncio.AbstractEventLoop) -> None:
    """Have an event loop look names up with `addresses`."""
    loop.getaddrinfo = addresses  # type: ignore[method-assign]  # what `create_connection` calls


async def addresses(host: Any, port: Any, **hints: int) -> Any:
    """Look up the addresses of a host; arguments and errors as of `socket.getaddrinfo`."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Any] = loop.create_future()

    def settle(answer: Any, error: Exception | None) -> None:
        if found.done():  # cancelled, for nobody waits any more
            return
        if error is None:
            found.set_result(answer)
        else:
            found.set_exception(error)

    def ask() -> None:
        answer, error = None, None
        try:
            answer = socket.getaddrinfo(host, port, **hints)
        except Exception as failure:  # noqa: BLE001 - whoever waits is told
            error = failure
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, answer, error)

    threading.Thread(target=ask, name="marketkit-names", daemon=True).start()
    return await found
