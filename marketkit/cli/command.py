"""The signature of a command: a name, a sentence of help, arguments, and a function to run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from marketkit.cli.output import Output


def no_arguments(_: argparse.ArgumentParser) -> None:
    """Add nothing to the options that all commands share."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command; `run` gets the parsed options and gives the exit code.

    `arguments` adds to the command's own parser when the command is called, so it may import
    modules that are slow to load. A command that is not `shared` takes no `--lake` and the like.
    `example` is a line that works as it is.
    """

    name: str
    text: str
    run: Callable[[argparse.Namespace, Output], int]
    arguments: Callable[[argparse.ArgumentParser], None] = no_arguments
    shared: bool = True
    example: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """Commands under one name, such as `marketkit lake ls` and `marketkit lake gaps`."""

    name: str
    text: str
    members: tuple[Command, ...]
