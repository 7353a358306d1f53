"""`marketkit sandbox`: serve a made-up or recorded exchange on this machine."""

from __future__ import annotations

import argparse

from marketkit.cli.command import Command
from marketkit.cli.output import Output

_TEXT = "Serve Upbit's public interface on 127.0.0.1, from candle files or made up from a seed."


def _arguments(command: argparse.ArgumentParser) -> None:
    from marketkit.sandbox.command import add_arguments  # noqa: PLC0415 - slow, `--help` needs none

    add_arguments(command)
    command.add_argument("--json", action="store_true", help="no matter: JSON is printed anyway")


def _run(options: argparse.Namespace, _: Output) -> int:
    from marketkit.sandbox.command import run  # noqa: PLC0415 - as above

    return run(options)


# Not shared: its `--lake` and `--endpoint` are what it serves from and listens at.
COMMAND = Command("sandbox", _TEXT, _run, _arguments, shared=False)
