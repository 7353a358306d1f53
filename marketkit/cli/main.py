"""The command line: arguments in, provider calls, tables or JSON out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from marketkit.cli.backfill import add_backfill, backfill
from marketkit.cli.jobs import add_jobs
from marketkit.cli.lake import add_lake
from marketkit.cli.options import add_range, open_provider
from marketkit.cli.output import DONE, FAILED, INCOMPLETE, INTERRUPTED, USAGE, Output
from marketkit.cli.streams import add_realtime
from marketkit.errors import InputError, MarketkitError, PartialResult

_EPILOG = "exit codes: 0 done and complete, 1 failed, 2 bad usage, 3 done but incomplete"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    options = _parser().parse_args(arguments)
    output = Output(as_json=options.json)
    try:
        return int(options.run(options, output))
    except PartialResult as partial:
        output.table(partial.frame)
        output.problem(partial)
        return INCOMPLETE
    except MarketkitError as error:
        output.problem(error)
        return USAGE if isinstance(error, InputError) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader (`| head`) has seen enough
        sys.stderr.close()
        return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="marketkit", description=__doc__, epilog=_EPILOG)
    commands = parser.add_subparsers(required=True, metavar="command")
    common = _common()

    def add(name: str, run: Callable[..., int], text: str, **more: Any) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name, parents=[common], description=text, help=text, epilog=_EPILOG, **more
        )
        command.set_defaults(run=run)
        return command

    demo = add("demo", _demo, "Backfill five markets on a sandbox exchange and prove the result.")
    demo.add_argument("--live", action="store_true", help="a smaller run on Upbit itself")

    add_backfill(
        add("backfill", backfill, "Fill the lake with candles; running it again continues.")
    )

    candles = add("candles", _candles, "Print candles.")
    candles.add_argument("symbols", nargs="+")
    add_range(candles, start_required=False)
    candles.add_argument("--count", type=int, help="the newest so many (200)")
    candles.add_argument("--source", default="auto", choices=["auto", "lake", "exchange"])
    candles.add_argument("--forming", action="store_true", help="the unfinished candle, too")
    fills = ["none", "forward", "null"]
    candles.add_argument("--fill", default="none", choices=fills, help="slots proved empty, too")
    candles.add_argument("--session", default="00:00 UTC", help="where days begin")
    candles.add_argument("--as-of", help="a frozen set instead of the lake as it is")
    candles.add_argument("--tz", default="UTC")

    ticker = add("ticker", _ticker, "Print tickers.")
    ticker.add_argument("symbols", nargs="+")
    ticker.add_argument("--tz", default="UTC")

    add("status", _status, "Print how many requests the machine may send right now, by rate group.")

    add_jobs(commands, common)
    add_realtime(commands, common, open_provider)
    add_lake(commands, common)
    _add_sandbox(commands)
    return parser


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON for other programs")
    common.add_argument("--lake", type=Path, help="folder of the candle lake")
    common.add_argument("--endpoint", help="an exchange that speaks Upbit's words (http://...)")
    common.add_argument("--region", help="kr sg id th")
    return common


def _add_sandbox(commands: Any) -> None:
    from marketkit.sandbox import command  # noqa: PLC0415 - light, but only this command's

    sandbox = commands.add_parser("sandbox", help=command.__doc__, description=command.__doc__)
    command.add_arguments(sandbox)
    sandbox.add_argument("--json", action="store_true", help="what it prints is JSON anyway")
    sandbox.set_defaults(run=lambda options, _: command.run(options))


def _one_or_many(symbols: list[str]) -> str | list[str]:
    return symbols[0] if len(symbols) == 1 else symbols


def _candles(options: argparse.Namespace, output: Output) -> int:
    candles = open_provider(options).get_candle(
        _one_or_many(options.symbols),
        options.timeframe,
        start=options.start,
        end=options.end,
        count=options.count,
        forming=options.forming,
        fill=options.fill,
        session=options.session,
        as_of=options.as_of,
        source=options.source,
        tz=options.tz,
    )
    output.table(candles)
    return DONE


def _ticker(options: argparse.Namespace, output: Output) -> int:
    output.table(open_provider(options).get_ticker(_one_or_many(options.symbols), tz=options.tz))
    return DONE


def _status(options: argparse.Namespace, output: Output) -> int:
    output.table(open_provider(options).status().requests.select("group", "left", "limit"))
    return DONE


def _demo(options: argparse.Namespace, output: Output) -> int:
    from marketkit.cli.demo import demo  # noqa: PLC0415 - brings the sandbox

    return DONE if demo(options, output) else INCOMPLETE
