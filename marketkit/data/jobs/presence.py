"""A job without leased tasks that other processes see and command all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from marketkit.data.fetch.walks import FetchRun
from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.ledger_db import LedgerReset
from marketkit.data.jobs.processes import Worker
from marketkit.data.jobs.tasks import BackfillRequest
from marketkit.errors import LakeError

_BEAT = 1.0  # seconds; as often as an executor beats


@dataclass(slots=True)
class Presence:
    """The state that a job is left in: running, for the executor that leases tasks, or an end."""

    state: str = "running"


@asynccontextmanager
async def present(
    ledger: Ledger, wanted: BackfillRequest, run: FetchRun
) -> AsyncIterator[Presence]:
    """Be in the ledger as one at work on a job; obey `pause` and `cancel`."""
    await asyncio.to_thread(ledger.open, wanted, [])
    me, mine = await asyncio.to_thread(ledger.register, wanted.id), asyncio.current_task()
    pulse = asyncio.create_task(_pulse(ledger, me, run, mine))
    state, note, presence = "failed", "", Presence()
    try:
        yield presence
        state = presence.state
    except asyncio.CancelledError:
        state = run.ending
        raise
    except BaseException as failure:
        note = str(failure)
        raise
    finally:
        pulse.cancel()
        await asyncio.wait((pulse,))
        with suppress(LakeError, LedgerReset):  # a full disk is no reason to hide the first reason
            if state == "cancelled":
                ledger.command(wanted.id, "cancel")
            ledger.leave(me, state, note)


async def _pulse(
    ledger: Ledger, me: Worker, run: FetchRun, owner: asyncio.Task[object] | None
) -> None:
    """Beat each second, and obey the commands of others."""
    while True:
        note = run.reporter.progress.note
        with suppress(LakeError, LedgerReset):  # what is true is in the lake
            beat = await asyncio.to_thread(ledger.beat, me, (), note)
            if beat.command == "cancel" and owner is not None:
                run.ending = "cancelled"
                owner.cancel()
                return
            if beat.command == "pause":
                run.pause()
            elif not run.going.is_set():
                run.go_on()
        run.reporter.update()
        await asyncio.sleep(_BEAT)
