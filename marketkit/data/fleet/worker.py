"""A Dask worker that asks the exchange from an address of its own.

Dask's nanny keeps the process: one that dies begins again. It listens where the scheduler reaches
it and nowhere else, for who can talk to a Dask worker can have it do anything.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from marketkit.errors import InputError, MissingExtra, Unreachable
from marketkit.settings import resolve_address

_ADDRESS = re.compile(r"(?:(?:tcp|tls)://)?[^\s/:]+:\d+|(?:tcp|tls)://\[[0-9a-fA-F:.]+\]:\d+")
_PATIENCE = 30.0  # seconds for a scheduler to answer
_STARTING = 300.0  # seconds for a process to begin, on a machine with all hands full


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """The scheduler, the address that requests leave from, and the units done at a time.

    Raises `InputError` for what is no address of a scheduler or of this machine.
    """

    scheduler: str
    address: str | None = None
    threads: int = 2  # while one unit takes its lease, the other asks
    name: str | None = None

    def __post_init__(self) -> None:
        if not _ADDRESS.fullmatch(self.scheduler):
            raise InputError(
                f"{self.scheduler!r} is no address of a Dask scheduler: give one such as"
                " tcp://192.168.0.7:8786"
            )
        address = resolve_address(self.address)
        if address is not None and not _is_ours(address):
            raise InputError(
                f"address={address!r} is not one of this machine: requests cannot leave from it"
            )

    @property
    def host(self) -> tuple[str, int]:
        """Host and port of the scheduler."""
        url = urlsplit(self.scheduler if "://" in self.scheduler else f"tcp://{self.scheduler}")
        return str(url.hostname), int(url.port or 0)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the worker's process."""
        address = resolve_address(self.address)
        return {} if address is None else {"MARKETKIT_ADDRESS": address}


async def serve(options: WorkerOptions) -> None:
    """Work for a scheduler until that closes.

    Raises `MissingExtra` without Dask, and `Unreachable` where no scheduler answers.
    """
    kind = _nannies()
    here = await asyncio.to_thread(_reached_from, options)
    nanny: Any = _nanny(kind, options, here)
    try:
        async with asyncio.timeout(_STARTING):
            await nanny
        await nanny.finished()
    except (OSError, TimeoutError) as error:
        raise _no_scheduler(options, error) from error
    finally:
        await nanny.close(reason="marketkit worker ends")


def _nannies() -> Callable[..., Any]:
    try:
        from distributed import Nanny  # noqa: PLC0415 - optional, and slow
    except ImportError:
        raise MissingExtra("distributed", "dask") from None
    return Nanny


def _nanny(kind: Callable[..., Any], options: WorkerOptions, here: str) -> Any:
    return kind(
        options.scheduler,
        host=here,
        name=options.name,
        nthreads=options.threads,
        env=options.environment,
        death_timeout=_STARTING,
        dashboard=False,
    )


def _reached_from(options: WorkerOptions) -> str:
    """Give the address of this machine at which the scheduler reaches it."""
    try:
        with socket.create_connection(options.host, timeout=_PATIENCE) as trial:
            return str(trial.getsockname()[0])
    except OSError as error:
        raise _no_scheduler(options, error) from error


def _no_scheduler(options: WorkerOptions, error: BaseException) -> Unreachable:
    why = " ".join(str(error).split()) or type(error).__name__
    return Unreachable(f"no Dask scheduler answers at {options.scheduler}: {why}")


def _is_ours(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as trial:
        try:
            trial.bind((address, 0))
        except OSError:
            return False
    return True
