"""`marketkit plan`: the cost of a backfill before anything is sent."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from marketkit.cli.command import Command
from marketkit.cli.commands.backfill import need_symbols, wanted_arguments
from marketkit.cli.options import open_provider
from marketkit.cli.output import DONE, Output
from marketkit.cli.run import CommandRun
from marketkit.cli.schedule import read_file, scheduled

if TYPE_CHECKING:
    from marketkit.api.sync import SmartDataProvider
    from marketkit.data.jobs.plan import Plan


def _run(options: argparse.Namespace, output: Output) -> int:
    import polars as pl  # noqa: PLC0415 - slow, `--help` needs none

    plans = _of_file(options) if options.config is not None else [_by_hand(options)]
    for plan in plans:
        output.say(repr(plan).partition("\n")[0])
    rows = [
        plan.frame.select(pl.lit(plan.wanted.timeframe).alias("timeframe"), pl.all())
        for plan in plans
    ]
    if rows:
        output.table(pl.concat(rows).select("symbol", pl.exclude("symbol")))
    if len(plans) > 1:
        _say_sum(plans, output)
    return DONE


def _by_hand(options: argparse.Namespace) -> Plan:
    need_symbols(options)
    span = {"start": options.start, "end": options.end}
    return open_provider(options).plan(
        options.symbols,
        options.timeframe,
        **span,
        verify=options.verify,
        order=options.order or "newest",
        patience=options.patience or "12h",
    )


def _of_file(options: argparse.Namespace) -> list[Plan]:
    config = read_file(options)
    provider: SmartDataProvider = open_provider(options)
    from marketkit.data.jobs.config import moment  # noqa: PLC0415 - slow

    return [
        provider.plan(
            list(chore.symbols),
            chore.timeframe,
            start=moment(chore.start),
            verify=options.verify,
            order=options.order,
        )
        for chore in scheduled(provider, config, CommandRun(None), "1s")
    ]


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
)
