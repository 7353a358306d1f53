"""`marketkit sandbox`: serve a made-up or recorded exchange on this machine."""

from __future__ import annotations

import argparse

from marketkit.cli.command import Command
from marketkit.cli.output import DONE, Output


def _arguments(command: argparse.ArgumentParser) -> None:
    from marketkit.sandbox.command import add_arguments  # noqa: PLC0415 - slow, `--help` needs none

    add_arguments(command)
    command.add_argument("--json", action="store_true", help="No matter: JSON is printed anyway.")


def _run(options: argparse.Namespace, _: Output) -> int:
    from marketkit.sandbox.command import serve  # noqa: PLC0415 - as above

    serve(options, Output(as_json=True).value)
    return DONE


COMMAND = Command(
    "sandbox",
    "Serve Upbit's public interface on 127.0.0.1, from candle files or made up from a seed. It says"
    " in one line of JSON where it listens.",
    _run,
    _arguments,
    example="marketkit sandbox --seed 1 --port 8765",
    codes={DONE: "Ctrl-C or SIGTERM ended it."},
    uses=("json", "lake", "endpoint"),  # the lake that it serves from, the address it listens at
)
