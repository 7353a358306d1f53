"""`marketkit completion`: a script that has a shell complete commands, options and symbols."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from marketkit.cli.command import Command
from marketkit.cli.options import WIDTHS, open_lake, path, place
from marketkit.cli.output import DONE, Output
from marketkit.errors import MarketkitError

_SHELLS = ("bash", "zsh", "fish", "powershell")
_SYMBOLS = "_marketkit_symbols"  # the function of a script that knows them
_FUNCTIONS = {
    "bash": f'{_SYMBOLS}() {{ compgen -W "%s" -- "$1"; }}',
    "zsh": f"{_SYMBOLS}() {{ compadd -- %s; }}",
    "fish": f"function {_SYMBOLS}; printf '%%s\\n' %s; end",
    "powershell": f"function {_SYMBOLS} {{ param([string]$WordToComplete)\n"
    "  '%s' -split ' ' | Where-Object { $_ -like \"$WordToComplete*\" } }",
}
_CALLED = {**dict.fromkeys(_SHELLS, _SYMBOLS), "fish": f"({_SYMBOLS})"}


def _arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("shell", choices=_SHELLS, help="The shell that the script is for.")


def _run(options: argparse.Namespace, output: Output) -> int:
    symbols = _known(options)
    if not symbols:
        said = "no market list is kept yet: after `marketkit market` symbols complete, too"
        output.warning(said, UserWarning)
    output.say(script(options.whole(), options.shell, symbols))
    return DONE


def script(parser: argparse.ArgumentParser, shell: str, symbols: list[str]) -> str:
    """Write the script of a shell, with the symbols of one day."""
    import shtab  # noqa: PLC0415 - nobody else needs it

    for each in _actions(parser):
        if each.dest in {"symbols", "symbol"}:
            each.complete = _CALLED  # type: ignore[attr-defined]
        elif each.dest == "timeframe":
            each.choices = WIDTHS
        elif each.type in {Path, path, place} or each.dest == "to":
            each.complete = shtab.FILE  # type: ignore[attr-defined]
    function = _FUNCTIONS[shell] % " ".join(symbols)
    return str(shtab.complete(parser, shell=shell, preamble=function))


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    found = list(parser._actions)  # noqa: SLF001 - argparse has no other way to see them
    for each in parser._actions:  # noqa: SLF001
        if isinstance(each, argparse._SubParsersAction):  # noqa: SLF001
            found += [one for below in each.choices.values() for one in _actions(below)]
    return found


def _known(options: argparse.Namespace) -> list[str]:
    """Give the symbols of the newest market list in the lake; none where there is none yet."""
    try:
        markets, _ = open_lake(options).universe.at(date.max)
    except MarketkitError:
        return []
    return [code for code in markets["symbol"] if code.isascii()]


COMMAND = Command(
    "completion",
    "Print a script that has a shell complete commands, options, timeframes, and the symbols of the"
    " newest market list in the lake; source it where the shell begins, as in ~/.bashrc. No"
    " exchange is asked.",
    _run,
    _arguments,
    example="marketkit completion bash > ~/.marketkit-completion",
    uses=("lake", "endpoint", "region"),
)
