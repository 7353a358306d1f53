"""The parser of the command line, made of the commands in `marketkit.cli.commands`."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from collections.abc import Iterable
from typing import Any

from marketkit.cli import commands
from marketkit.cli.command import Command, Family
from marketkit.cli.options import add_shared

_TEXT = "Market data of the Upbit exchange, and a lake of candles that can prove what it has."
_EPILOG = "exit codes: 0 done and complete, 1 failed, 2 bad usage, 3 done but incomplete"


def find_commands() -> list[Command | Family]:
    """Import the modules of `marketkit.cli.commands` and give their commands, sorted by name."""
    names = (module.name for module in pkgutil.iter_modules(commands.__path__))
    modules = (importlib.import_module(f"{commands.__name__}.{name}") for name in names)
    found: list[Command | Family] = [module.COMMAND for module in modules]
    return sorted(found, key=lambda each: each.name)


def build_parser(found: Iterable[Command | Family]) -> argparse.ArgumentParser:
    """Make a parser of some commands; parsing sets `run` to the function of the one called."""
    parser = argparse.ArgumentParser(prog="marketkit", description=_TEXT, epilog=_EPILOG)
    parsers = parser.add_subparsers(required=True, metavar="command", parser_class=CommandParser)
    for each in found:
        if isinstance(each, Command):
            parsers.add_parser(each.name, **_described(each), command=each)
            continue
        family = parsers.add_parser(each.name, **_described(each))
        members = family.add_subparsers(required=True, metavar="view", parser_class=CommandParser)
        for member in each.members:
            members.add_parser(member.name, **_described(member), command=member)
    return parser


def _described(each: Command | Family) -> dict[str, Any]:
    return {"help": each.text, "description": each.text, "epilog": _EPILOG}


class CommandParser(argparse.ArgumentParser):
    """A parser that takes the arguments of a command only when that command is called."""

    def __init__(self, *, command: Command | None = None, **more: Any) -> None:
        super().__init__(**more)
        self._command = command

    def parse_known_args(self, *given: Any, **named: Any) -> Any:
        """Parse with all arguments of the command."""
        command, self._command = self._command, None
        if command is not None:
            self.set_defaults(run=command.run)
            if command.shared:
                add_shared(self)
            command.arguments(self)
        return super().parse_known_args(*given, **named)
