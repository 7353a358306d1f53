"""Everything that writes, each in a process of its own: a program to be run under strace.

`python -m tests.power.writers FOLDER NAME...` forks a process for each writer, which prepares what
it starts from in `FOLDER/NAME`, says so, and then does one thing after the other, saying after each
that it is done: from there on it must be there, whatever happens to the machine.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.provenance import Provenance, Source
from marketkit.data.lake.store import pages
from marketkit.data.lake.store.unsettled import Unsettled
from marketkit.net.archive.basket import Basket
from marketkit.schema import MARKET, empty
from marketkit.timeframe import TIMEFRAMES
from tests.crash import operations
from tests.crash.operations import FEBRUARY, MINUTE, page
from tests.power import careless
from tests.power.beside import (
    accept,
    banned,
    begin_job,
    mark,
    no_ledger,
    record,
    task_done,
    tasks_done_by_one,
)
from tests.unit.data.lake.trades.conftest import DAY, FIRST, NOON, make_trades

BTC = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
ZIP = "candle/1m/KRW-BTC/2024/KRW-BTC-1m-202402.zip"

Act = Callable[[Path], object]


class Writer(NamedTuple):
    """What to start from, the acts of which each is promised when it is over, and who looks."""

    prepare: Act
    acts: tuple[Act, ...]
    looks: str = "lake"
    journal: bool = False  # whether it takes pages of chunks as small as these


def lake(world: Path) -> Lake:
    return Lake(world / "lake")


def put(world: Path, first: int, end: int, volume: float, **more: object) -> None:
    """Append a page; the moment at which it was seen is told by its volume."""
    rows, covering = page("KRW-BTC", first, end, volume)
    lake(world).append("KRW-BTC", "1m", rows, covering, seen_at=FEBRUARY + int(volume), **more)


def start(world: Path) -> None:
    operations.start(world / "lake")


def on_lake(act: Act) -> Act:
    return lambda world: act(world / "lake")


# -- the journal ---------------------------------------------------------------


def waiting(count: int) -> Act:
    """Give who makes two chunks, and pages that wait for both or one of them."""

    def prepare(world: Path) -> None:
        put(world, -30, 30, 1.0)
        one = lake(world)
        for number in range(count):
            rows, covering = page("KRW-BTC", -9 + number, 7 + 9 * (number % 2), 2.0 + number)
            one.append("KRW-BTC", "1m", rows, covering, seen_at=FEBRUARY + number)

    return prepare


def known_by(number: int) -> Act:
    """Append behind the records of this very process, so that they are not taken in first."""

    def act(world: Path) -> None:
        one = lake(world)
        one.journals.met.add(BTC.folder)
        rows, covering = page("KRW-BTC", -6 + number, 12 + number, 20.0 + number)
        one.append("KRW-BTC", "1m", rows, covering, seen_at=FEBRUARY + 100 + number)

    return act


def refill(world: Path) -> None:
    put(world, -40, 20, 50.0)


# -- what comes from elsewhere ---------------------------------------------------


def ingest(world: Path) -> None:
    """Take a month of the archive in as the loop does: the zip, the rows, the zip removed."""
    basket = Basket(world / "zips")
    part = basket.part(ZIP, "f" * 64)
    part.write_bytes(b"PK" * 3000)
    basket.finish(ZIP, part)
    rows, covering = page("KRW-BTC", -15, 25, 3.0)
    span = covering.hull
    archive = Provenance((Source(ZIP, "f" * 64, 6000, None, FEBRUARY, *span),))
    moment = FEBRUARY - 20 * MINUTE
    told = {"archive": archive, "only_unknown": True, "nothing_before": moment}
    lake(world).append("KRW-BTC", "1m", rows, covering, seen_at=FEBRUARY + 9, **told)
    basket.done(ZIP)
    basket.tidy()


def market_list(world: Path, day: int, *, make: bool) -> None:
    lake(world).universe.keep(empty(MARKET), FEBRUARY + day * DAY, make=make)


def see(world: Path, first: int) -> None:
    """Keep candles that nobody proved."""
    Unsettled(lake(world)).keep(BTC, page("KRW-BTC", first, first + 6, 1.0)[0])


# -- trades -----------------------------------------------------------------------


def trades(world: Path, times: list[int], numbers: list[int], span: tuple[int, int]) -> None:
    lake(world).trades.append("KRW-BTC", make_trades(times, numbers), Spans([span]), seen_at=NOON)


def first_trades(world: Path) -> None:
    trades(world, [NOON, NOON + 5], [1, 2], (FIRST, NOON + 10))


def more_trades(world: Path) -> None:
    trades(world, [NOON + 20, FIRST + DAY + 5], [3, 4], (NOON + 10, FIRST + 2 * DAY))


def revised_trades(world: Path) -> None:
    trades(world, [NOON + 5, NOON + 7], [2, 9], (FIRST, NOON + 10))


def nothing(_world: Path) -> None:
    """Start from an empty folder."""


WRITERS = {
    "append": Writer(
        start,
        (
            lambda world: put(world, -15, 25, 2.0, nothing_before=FEBRUARY - 20 * MINUTE),
            lambda world: put(world, 20, 45, 3.0),
        ),
    ),
    "append to a new lake": Writer(
        nothing,
        (lambda world: put(world, -15, 25, 2.0), lambda world: put(world, -5, 5, 3.0)),
    ),
    "append through the journal": Writer(waiting(0), tuple(map(known_by, range(5))), journal=True),
    "append behind a dead writer": Writer(
        waiting(2), (lambda world: put(world, -6, 12, 20.0),), journal=True
    ),
    "append past the journal": Writer(
        waiting(2),
        (lambda world: put(world, -6, 12, 20.0, nothing_before=FEBRUARY - 60 * MINUTE),),
        journal=True,
    ),
    "compaction": Writer(waiting(3), (lambda world: lake(world).compact(),), journal=True),
    "drop": Writer(
        waiting(3), (lambda world: lake(world).drop("KRW-BTC", "1m"), refill), journal=True
    ),
    "import": Writer(on_lake(operations.with_archive), (on_lake(operations.take_in),)),
    "merge of lakes": Writer(on_lake(operations.with_other), (on_lake(operations.merge),)),
    "export": Writer(on_lake(operations.with_export), (on_lake(operations.export),)),
    "archive": Writer(start, (ingest,)),
    "freeze": Writer(start, (lambda world: lake(world).freeze("now"), refill), journal=True),
    "thaw": Writer(start, (lambda world: lake(world).thaw("before", world / "thawed"),)),
    "delete": Writer(start, (lambda world: lake(world).delete("before"),)),
    "publish": Writer(start, (lambda world: lake(world).publish("before"),)),
    "repair": Writer(on_lake(operations.broken), (on_lake(operations.mended),)),
    "trades": Writer(first_trades, (more_trades, revised_trades)),
    "drop of trades": Writer(
        more_trades, (revised_trades, lambda world: lake(world).drop("KRW-BTC", "trade"))
    ),
    "market lists": Writer(
        nothing,
        (
            lambda world: market_list(world, 0, make=False),
            lambda world: market_list(world, 1, make=True),
            lambda world: market_list(world, 2, make=True),
        ),
    ),
    "unsettled": Writer(start, (lambda world: see(world, 30), lambda world: see(world, 50))),
    "images": Writer(start, (lambda world: lake(world).warm("KRW-BTC"), refill)),
    "jobs": Writer(no_ledger, (begin_job, task_done, tasks_done_by_one), "jobs"),
    "recording": Writer(nothing, (record,), "recording"),
    "settings": Writer(nothing, (accept, accept), "settings"),
    "bans": Writer(nothing, (banned(60.0), banned(600.0)), "bans"),
}
CARELESS = {
    name: Writer(careless.prepare, (act,), "files") for name, act in careless.CARELESS.items()
} | {"a lazy ledger": Writer(no_ledger, (careless.lazy_ledger,), "jobs")}
NEEDS = {"publish": "deltalake"}


def surround(world: Path) -> None:
    """Have all that lies outside of a lake lie in a world."""
    os.environ["MARKETKIT_CACHE"] = str(world / "cache")
    os.environ["MARKETKIT_SETTINGS"] = str(world / "settings")
    os.environ["MARKETKIT_BUDGET_DIR"] = str(world / "budget")


def work(world: Path, name: str) -> None:
    """Do all that a writer does."""
    mark(f"writer {name}")
    surround(world)
    writer = (WRITERS | CARELESS)[name]
    if writer.journal:
        pages._LARGE, pages._AT_MOST = 0, 4
    writer.prepare(world)
    mark("begin")
    for act in writer.acts:
        act(world)
        mark("done")


def main() -> int:
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    for name in names:
        world = folder / name.replace(" ", "-")
        world.mkdir()
        child = os.fork()
        if not child:
            try:
                work(world, name)
                os._exit(0)
            except BaseException:  # noqa: BLE001 - a child must not go on as its parent
                traceback.print_exc()
                os._exit(1)
        if os.waitpid(child, 0)[1]:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
