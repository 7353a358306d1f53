"""One process of the machine at a time: the others wait for the end of that download."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from marketkit.errors import warn

_log = logging.getLogger("marketkit.net")
_LOOK = 0.2  # seconds between two looks at a lock that another process holds
_FOR_ALL = 0o666  # users of one machine share its address, and the file has nothing in it


@asynccontextmanager
async def only_process(path: Path, say: Callable[[str], None]) -> AsyncIterator[None]:
    """Be the only download of this machine from an archive; `say` hears of a wait, and of the end.

    The lock ends with the process, however that ends. Where no lock can be had the download goes on
    and a warning tells so.
    """
    lock = FileLock(path, thread_local=False, mode=_FOR_ALL)
    is_held = await _acquired(lock, say)
    try:
        yield
    finally:
        if is_held:
            lock.release()


async def _acquired(lock: FileLock, say: Callable[[str], None]) -> bool:
    waited = False
    while True:
        try:
            _try(lock)
        except Timeout:
            if not waited:
                say("waiting for another process, which downloads from the archive")
            waited = True
            await asyncio.sleep(_LOOK)
        except OSError as error:
            where = f"at {lock.lock_file} ({error.strerror})"
            warn(f"no lock can be had {where}: another process may download at the same time")
            return False
        else:
            if waited:
                say("")
            return True


def _try(lock: FileLock) -> None:
    """Take the lock at once. Raises `Timeout` while another process has the lock."""
    path = Path(lock.lock_file)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock.acquire(timeout=0)
    with contextlib.suppress(OSError):  # it is another user's, who has done the same
        path.chmod(_FOR_ALL)
