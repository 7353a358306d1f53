"""The crew of a backfill: the lanes of this process, or workers with sites of their own."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Executor as Pool
from dataclasses import replace
from functools import partial

from marketkit.api.address import Address, part_of
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.jobs.executor import Executor
from marketkit.data.jobs.tasks import BackfillRequest
from marketkit.data.lake.trades.day import KIND
from marketkit.errors import InputError
from marketkit.net.parcels import check_executor


def crew_of(wanted: BackfillRequest, address: Address, on: Pool | None) -> Callable[..., Executor]:
    """Give what makes the executor of a job: of this process, or of the workers of a pool.

    Raises `InputError` for what is no executor, for one that forks, and for trades.
    """
    if on is None:
        return Executor
    if wanted.timeframe == KIND:
        raise InputError("on= is for candles: trades are filled by one process")
    from marketkit.data.fleet.crew import crew  # noqa: PLC0415 - most have one machine

    return crew(check_executor(on), partial(filler_at, address))


def filler_at(address: Address) -> GapFiller:
    """Give what fills the lake of a provider in the process of a worker, made by the first call.

    Requests leave from the worker's own `MARKETKIT_ADDRESS`, if it has one.
    """
    own = None if os.environ.get("MARKETKIT_ADDRESS", "").strip() else address.own
    filler: GapFiller = part_of(replace(address, own=own), "endpoints.backfills.filler")
    return filler
