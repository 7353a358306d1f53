"""The parser of the command line, made of the commands in `marketkit.cli.commands`."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import re
from collections.abc import Iterable
from functools import partial
from typing import Any

from marketkit import __version__
from marketkit.cli import commands
from marketkit.cli.command import Command, Family
from marketkit.cli.options import add_shared
from marketkit.cli.output import DONE

_TEXT = "Market data of the Upbit exchange, and a lake of candles that can prove what it has."
_BEGIN = """\
to begin:
  marketkit demo                     see all of it at work in a minute, without a network
  marketkit ticker KRW-BTC KRW-ETH   prices now
  marketkit backfill KRW-BTC --timeframe 1m --start 2026-01-01
"""
_EPILOG = "exit codes: 0 done and complete, 1 failed, 2 bad usage, 3 done but incomplete"


def find_commands() -> list[Command | Family]:
    """Import the modules of `marketkit.cli.commands` and give their commands, sorted by name."""
    names = (module.name for module in pkgutil.iter_modules(commands.__path__))
    modules = (importlib.import_module(f"{commands.__name__}.{name}") for name in names)
    found: list[Command | Family] = [module.COMMAND for module in modules]
    return sorted(found, key=lambda each: each.name)


def build_parser(found: Iterable[Command | Family]) -> argparse.ArgumentParser:
    """Make a parser of some commands; parsing sets `run` to the function of the one called."""
    parser = argparse.ArgumentParser(
        prog="marketkit",
        description=_TEXT,
        epilog=f"{_BEGIN}\n{_EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"marketkit {__version__}")
    parser.set_defaults(run=partial(_say_help, parser))
    add_shared(parser)
    parsers = parser.add_subparsers(metavar="command", parser_class=CommandParser)
    for each in found:
        if isinstance(each, Command):
            parsers.add_parser(each.name, **_described(each), command=each)
            continue
        family = parsers.add_parser(each.name, **_described(each))
        members = family.add_subparsers(required=True, metavar="view", parser_class=CommandParser)
        for member in each.members:
            members.add_parser(member.name, **_described(member), command=member)
    return parser


def _say_help(parser: argparse.ArgumentParser, *_: object) -> int:
    parser.print_help()
    return DONE


def _described(each: Command | Family) -> dict[str, Any]:
    example = each.example if isinstance(each, Command) else ""
    epilog = f"example:\n  {example}\n\n{_EPILOG}" if example else _EPILOG
    return {
        "help": each.text,
        "description": each.text,
        "epilog": epilog,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }


class CommandParser(argparse.ArgumentParser):
    """A parser that takes the arguments of a command only when that command is called."""

    def __init__(self, *, command: Command | None = None, **more: Any) -> None:
        super().__init__(**more)
        self._command = command
        # `--start -30d` is an option and its value, as `-1` would be.
        self._negative_number_matcher = re.compile(r"-\d")

    def parse_known_args(self, *given: Any, **named: Any) -> Any:
        """Parse with all arguments of the command."""
        command, self._command = self._command, None
        if command is not None:
            self.set_defaults(run=command.run)
            if command.shared:
                add_shared(self, again=True)
            command.arguments(self)
        return super().parse_known_args(*given, **named)
