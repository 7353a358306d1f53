"""`marketkit plan`: the cost of a backfill before anything is sent."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from marketkit.cli.command import Command
from marketkit.cli.commands.backfill import need_symbols, wanted_arguments
from marketkit.cli.options import open_provider
from marketkit.cli.output import DONE, INCOMPLETE, Output
from marketkit.cli.run import CommandRun
from marketkit.cli.schedule import read_file, scheduled
from marketkit.errors import UnknownSymbol

if TYPE_CHECKING:
    from marketkit.data.jobs.plan import Plan

_PATIENCE = "1s"  # somebody waits for the answer


def _run(options: argparse.Namespace, output: Output) -> int:
    import polars as pl  # noqa: PLC0415 - slow, `--help` needs none

    run = CommandRun(None)
    plans = list(_of_file(options, run, output)) if options.config else [_by_hand(options)]
    run.unlisted += [symbol for plan in plans for symbol in _unlisted(plan)]
    for plan in plans:
        output.say(repr(plan).partition("\n")[0])
    rows = [
        plan.frame.insert_column(1, pl.lit(plan.wanted.timeframe).alias("timeframe"))
        for plan in plans
    ]
    if rows:
        output.table(pl.concat(rows))
    if len(plans) > 1:
        _say_sum(plans, output)
    return INCOMPLETE if run.unlisted else DONE


def _unlisted(plan: Plan) -> set[str]:
    """Give the codes that the plan was asked for and no market has; a warning has named them."""
    from marketkit.symbols import is_glob  # noqa: PLC0415 - slow, `--help` needs none

    planned = {each.upper() for each in plan.frame["symbol"]}  # `KRW-a` is meant by `KRW-A`
    codes = (each for each in plan.wanted.symbols if not is_glob(each))
    return {each for each in codes if each.upper() not in planned}


def _by_hand(options: argparse.Namespace) -> Plan:
    need_symbols(options)
    return open_provider(options).plan(
        options.symbols,
        options.timeframe,
        start=options.start,
        end=options.end,
        order=options.order or "newest",
        archive=bool(options.archive),
        keep=options.keep,
    )


def _of_file(options: argparse.Namespace, run: CommandRun, output: Output) -> Iterator[Plan]:
    """Make the plan of each piece of work that a file asks for now."""
    from marketkit.data.jobs.config import moment  # noqa: PLC0415 - slow

    config = read_file(options)
    provider = open_provider(options)
    for chore in scheduled(provider, config, run, _PATIENCE, options.shard):
        symbols, start = list(chore.symbols), moment(chore.start)
        try:
            yield provider.plan(
                symbols,
                chore.timeframe,
                start=start,
                order=options.order,
                archive=bool(options.archive),
                keep=options.keep,
            )
        except UnknownSymbol as none:  # of this piece of work no market is listed
            run.unlisted.append(none.symbol)
            output.problem(none)


def _say_sum(plans: list[Plan], output: Output) -> None:
    from marketkit.progress import clock  # noqa: PLC0415 - slow, `--help` needs none

    requests, seconds = sum(each.requests for each in plans), sum(each.seconds for each in plans)
    output.say(f"in all {requests:,} requests, {clock(seconds)}")


COMMAND = Command(
    "plan",
    "Say what a backfill would cost: requests, candles, megabytes, time. No candle is asked for;"
    " the same words after marketkit backfill do it.",
    _run,
    wanted_arguments,
    example="marketkit plan KRW-BTC 'KRW-E*' --timeframe 1m --start 2026-01-01",
    codes={INCOMPLETE: "A code is not that of a listed market, and the plan is without it."},
)
