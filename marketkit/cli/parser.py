"""The parser of the command line, made of the commands in `marketkit.cli.commands`."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import re
import textwrap
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, NoReturn

from marketkit import __version__
from marketkit.cli import commands
from marketkit.cli.command import CODES, SHARED, Command, Family
from marketkit.cli.options import add_shared, add_shared_again
from marketkit.cli.output import DONE, USAGE, Output
from marketkit.errors import InputError

_TEXT = "Market data of the Upbit exchange, and a lake of candles that can prove what it has."
_BEGIN = """\
to begin:
  marketkit demo                     see all of it at work in a minute, without a network
  marketkit ticker KRW-BTC KRW-ETH   prices now
  marketkit backfill KRW-BTC --timeframe 1m --start 2026-01-01
  marketkit doctor                   look whether all is well, and what to do if not

a length of time is spelt 30s, 5m, 2h or 7d in every option, file and message
"""
_WIDTH = 79  # characters of a line; the formatter keeps texts as they are
_ALL = "exit codes: 0 done and complete, 1 failed, 2 bad usage, 3 done but incomplete, 130 Ctrl-C"


def find_commands() -> list[Command | Family]:
    """Import the modules of `marketkit.cli.commands` and give their commands, sorted by name."""
    names = (module.name for module in pkgutil.iter_modules(commands.__path__))
    modules = (importlib.import_module(f"{commands.__name__}.{name}") for name in names)
    found: list[Command | Family] = [module.COMMAND for module in modules]
    return sorted(found, key=lambda each: each.name)


def build_parser(
    found: Iterable[Command | Family], programs: Output | None = None
) -> argparse.ArgumentParser:
    """Make a parser of some commands; parsing sets `run` to the function of the one called.

    `programs` takes what is wrong with a command line, where programs read that.
    """
    parser = _Parser(
        programs=programs,
        prog="marketkit",
        description=_TEXT,
        epilog=f"{_BEGIN}\n{_ALL}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"marketkit {__version__}")
    parser.set_defaults(run=partial(_say_help, parser), uses=SHARED, refuse=parser.error)
    parser.set_defaults(whole=partial(fill, parser), names=partial(_names, parser))
    add_shared(parser)
    parsers = parser.add_subparsers(metavar="command", parser_class=CommandParser)
    for each in found:
        _add(parsers, each, programs)
    return parser


def _add(parsers: Any, each: Command | Family, programs: Output | None) -> None:
    if isinstance(each, Command):
        parsers.add_parser(each.name, **_described(each), programs=programs, command=each)
        return
    family = parsers.add_parser(each.name, **_described(each), programs=programs)
    add_shared_again(family, SHARED)
    members = family.add_subparsers(required=True, metavar="view", parser_class=CommandParser)
    for member in each.members:
        _add(members, member, programs)


def fill(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Have every parser below take all arguments now, to be looked at."""
    if isinstance(parser, CommandParser):
        parser.fill()
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to see them
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for each in action.choices.values():
                fill(each)
    return parser


def _names(parser: argparse.ArgumentParser) -> list[str]:
    """List the options of a command, without the hidden ones."""
    shown = [each for each in parser._actions if each.help != argparse.SUPPRESS]  # noqa: SLF001
    return [name for each in shown for name in each.option_strings]


def _say_help(parser: argparse.ArgumentParser, *_: object) -> int:
    parser.print_help()
    return DONE


def _described(each: Command | Family) -> dict[str, Any]:
    own = each.codes if isinstance(each, Command) else {}
    codes = _spell_codes({**CODES, **own}) if isinstance(each, Command) else _ALL
    first, stop, _ = each.text.partition(". ")
    return {
        "help": (first + stop.rstrip()).replace("%", "%%"),
        "example": each.example,
        "description": textwrap.fill(each.text, _WIDTH),
        "epilog": f"example:\n  {each.example}\n\n{codes}" if each.example else codes,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,  # `--end` must never mean `--endpoint`
    }


def _spell_codes(codes: Mapping[int, str]) -> str:
    return "\n".join(["exit codes:", *(f"  {code:<3}  {codes[code]}" for code in sorted(codes))])


class _Parser(argparse.ArgumentParser):
    """A parser that tells programs in a line of JSON where a command line is wrong."""

    def __init__(self, *, programs: Output | None, **more: Any) -> None:
        super().__init__(**more)
        self._programs = programs

    def error(self, message: str) -> NoReturn:
        """End with bad usage."""
        if self._programs is None:
            super().error(message)
        self._programs.problem(InputError(message))
        self.exit(USAGE)


class CommandParser(_Parser):
    """A parser that takes the arguments of a command only when that command is called."""

    def __init__(self, *, example: str, command: Command | None = None, **more: Any) -> None:
        super().__init__(**more)
        self._command = command
        self._example = example
        # `--start -30d` is an option and its value, as `-1` would be.
        self._negative_number_matcher = re.compile(r"-\d")

    def fill(self) -> None:
        """Take the arguments of the command, once."""
        command, self._command = self._command, None
        if command is not None:
            self.set_defaults(run=command.run, uses=command.uses)
            self.set_defaults(refuse=self.error, names=partial(_names, self))
            command.arguments(self)
            add_shared_again(self, command.uses)

    def error(self, message: str) -> NoReturn:
        """End with bad usage; where something lacks, with an example."""
        lacking = self._example and "arguments are required" in message
        super().error(f"{message}; for example: {self._example}" if lacking else message)

    def parse_known_args(self, *given: Any, **named: Any) -> Any:
        """Parse with all arguments of the command."""
        self.fill()
        return super().parse_known_args(*given, **named)
