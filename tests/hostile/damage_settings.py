"""The small files that marketkit keeps or is given, damaged: see `fuzzing`.

The file of `--config`, the ledger of jobs, bans and budgets, the answers that outlive a process,
market lists in the lake and waiting for it, and the mark of a lake.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import re
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from marketkit.cache.store import ResponseStore
from marketkit.data.jobs import catalog
from marketkit.data.jobs.config import chores, moment, read_config
from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.ledger_db import LedgerReset
from marketkit.data.jobs.tasks import BackfillRequest, Task
from marketkit.data.lake import Lake
from marketkit.data.lake.format import waiting
from marketkit.data.lake.markets import Universe
from marketkit.errors import Banned, MarketkitError, NotCovered
from marketkit.exchange.dialect import RateLimit
from marketkit.net.budget.ban import Ban
from marketkit.net.budget.shared import SharedState, path_of
from marketkit.settings import resolve_endpoint, resolve_lake
from tests.hostile import fuzzing
from tests.hostile.damage import FEBRUARY, MARKETS, START, SYMBOLS

DAY = 86_400_000
LIMIT = RateLimit(10, 1.0)
WANTED = BackfillRequest("upbit", SYMBOLS, "1m", START, None)
TASK = Task("KRW-BTC", 0, START, START + 600_000, 10)
BODY = b'[{"market":"KRW-BTC"}]' * 20
CONFIG = """
lake = "somewhere"
endpoint = "https://api.upbit.com"
order = "oldest"
verify = "1h"
patience = "6h"
max_time = "50m"
rescue = true
[[universe]]
symbols = ["KRW-*"]
quote = "KRW"
exclude = ["KRW-D*"]
warning = false
update = true
depth = { 1m = "2y", 1d = "listing", 1h = 2024-01-01 }
[[universe]]
symbols = ["KRW-BTC", "KRW-ETH"]
depth = { 1w = "90d" }
"""
VALUES = re.compile(r'"[^"]*"|\[.*?\]|\{.*?\}|\b\d[\d-]*|true|false')
STRANGE = ('""', "[]", "{}", "0", "-1", "1e400", "nan", "07:30:00", "[[]]", '["a", 1]', "[{}]")
STRANGE += ("2024-01-01T00:00:00", '"\\u0000"', "{ 1m = 5 }", "{ 1m = [] }", "9999-12-31")
STRANGE += ('{ 1m = "99999999y" }', f'{{ 1m = "{"9" * 5000}y" }}', "[" * 3000, '"/proc/1/fd/x"')


class DamagedSettings:
    """A folder of each of these files, one of which is damaged."""

    def __init__(self, folder: Path, _how: str) -> None:
        logging.getLogger("marketkit").setLevel(logging.CRITICAL)
        self.root = folder / "all"
        os.environ["MARKETKIT_CACHE"] = str(self.root / "cache")
        self._lake = self.root / "lake"
        self._loop = asyncio.new_event_loop()
        for number in range(2):
            Universe(self._lake, "upbit").keep(MARKETS, FEBRUARY + number * DAY, make=True)
        with Ledger(self._lake) as ledger:
            ledger.open(WANTED, [TASK])
            me = ledger.register(WANTED.id)
            lease = ledger.lease(me)
            ledger.put_off(me, lease, lease.before, MarketkitError("not now"), 0)
        Universe(self.root / "none", "upbit").keep(MARKETS, FEBRUARY, make=False)
        Ban(self.root / "host.ban", host="api.upbit.com").impose(600)
        self._budget()
        self._answers()
        (self.root / "backfill.toml").write_text(CONFIG)
        self.files = sorted(each for each in self.root.rglob("*") if each.is_file())

    def wrongs(self, spoilt: list[Path], random_: random.Random, number: int) -> Iterator[str]:
        """Use what is damaged, again and again, then anew."""
        for path in spoilt:
            for use in self._uses(path):
                yield from self._tried(use)
        config = self.root / "backfill.toml"
        config.write_text(_mixed(random_))
        yield from self._tried(self._config, f" of {config.read_text()!r}")
        if number % 50 == 0:
            yield from self._tried(Lake(self._lake).repair)

    def _uses(self, path: Path) -> list[Callable[[], Any]]:
        below = path.relative_to(self.root).as_posix()
        kinds: dict[str, list[Callable[[], Any]]] = {
            "backfill.toml": [self._config],
            "lake/jobs": [self._jobs, self._ledger, self._jobs],
            "lake/lake.json": [Lake(self._lake).catalog, Lake(self._lake).audit, self._lists],
            "lake/markets": [self._lists, self._chronicle, self._keep],
            "cache/lists": [self._waiting, self._move],
            "cache/answers": [self._answers, self._answers],
            "host.ban": [self._ban],
        }
        found = [uses for start, uses in kinds.items() if below.startswith(start)]
        return found[0] if found else [self._budget]

    def _tried(self, use: Callable[[], Any], what: str = "") -> Iterator[str]:
        try:
            use()
        except MarketkitError as error:
            if str(error).count("\n") > 1:
                yield f"{use.__name__}: more than two lines: {error}"
        except BaseException as error:  # noqa: BLE001 - a panic is no Exception
            yield f"{use.__name__}: {error!r}{what}"[:400]

    def _config(self) -> None:
        config = read_config(self.root / "backfill.toml")
        for each in chores(config, MARKETS, Lake(self._lake), FEBRUARY):
            moment(each.start)
        endpoint = resolve_endpoint(config.endpoint, config.region)
        resolve_lake(config.lake, endpoint).exists()

    def _jobs(self) -> None:
        catalog.jobs(self._lake)
        catalog.symbols(self._lake, WANTED.id)
        catalog.attempts(self._lake, WANTED.id)
        catalog.at_work(self._lake, "1m")
        catalog.find(self._lake, WANTED.id[:4])

    def _ledger(self) -> None:
        """Go on with the job; it plans again after a new beginning, and soon comes through."""
        for _ in range(3):
            try:
                with Ledger(self._lake) as ledger:
                    ledger.open(WANTED, [TASK])
                    me = ledger.register(WANTED.id)
                    lease = ledger.lease(me)
                    ledger.beat(me, [], "")
                    ledger.leave(me, "done")
            except LedgerReset:
                continue
            if lease is not None and lease.task.symbol not in SYMBOLS:
                raise AssertionError(f"leased {lease.task}")
            return
        raise AssertionError("the ledger was begun anew three times")

    def _lists(self) -> None:
        for universe in (Universe(self._lake, "upbit"), Lake(self._lake).universe):
            if not universe.at(date.max)[0].equals(MARKETS):
                raise AssertionError("another list than was kept")

    def _chronicle(self) -> None:
        universe = Universe(self._lake, "upbit")
        universe.chronicle()
        if not set(universe.history()["symbol"]) <= set(SYMBOLS):
            raise AssertionError("another list than was kept")

    def _keep(self) -> None:
        Universe(self._lake, "upbit").keep(MARKETS, FEBRUARY + 9 * DAY, make=True)

    def _waiting(self) -> None:
        try:
            found = Universe(self.root / "none", "upbit").at(date.max)[0]
        except NotCovered:
            return
        if not found.equals(MARKETS):
            raise AssertionError("another list than was kept")

    def _move(self) -> None:
        waiting.make(self.root / "other", "upbit")  # sweeps
        Universe(self.root / "none", "upbit").keep(MARKETS, FEBRUARY + DAY, make=True)
        self._waiting()

    def _ban(self) -> None:
        try:
            Ban(self.root / "host.ban", host="api.upbit.com").check()
        except Banned:
            return
        Ban(self.root / "host.ban", host="api.upbit.com").impose(60)
        try:
            Ban(self.root / "host.ban", host="api.upbit.com").check()
        except Banned:
            return
        raise AssertionError("a ban does not hold")

    def _budget(self) -> None:
        path = path_of(self.root / "budget", "host-group", LIMIT)
        for _ in range(2):
            shared = SharedState(path, LIMIT, time.monotonic)
            shared.update(lambda state, now: setattr(state, "last_sent", now))
            shared.close()

    def _answers(self) -> None:
        store = ResponseStore(self.root / "cache" / "answers", max_bytes=100_000)
        try:
            kept = self._loop.run_until_complete(store.get("key", now=5))
            if kept is not None and (kept.body, kept.made_at, kept.expires_at) != (BODY, 1, 9):
                raise AssertionError(f"another answer than was kept: {kept}")
            self._loop.run_until_complete(store.put("key", BODY, made_at=1, expires_at=9))
        finally:
            store.close()


def _mixed(random_: random.Random) -> str:
    """Have values of the file in the place of others, or values that no file has."""
    there = VALUES.findall(CONFIG)
    chosen = random_.sample(range(len(there)), random_.choice((1, 1, 2)))
    new = {at: random_.choice((*there, *STRANGE)) for at in chosen}
    values = iter(range(len(there)))
    return VALUES.sub(lambda found: new.get(next(values), found[0]), CONFIG)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    fuzzing.main(DamagedSettings)
