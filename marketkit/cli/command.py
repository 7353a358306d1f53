"""The signature of a command: a name, a sentence of help, arguments, and a function to run."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from marketkit.cli.output import DONE, FAILED, INCOMPLETE, INTERRUPTED, USAGE, Output

SHARED = ("json", "lake", "endpoint", "region")  # options that mean the same in every command
CODES: Mapping[int, str] = MappingProxyType(
    {
        DONE: "All of it is done.",
        FAILED: "It failed, and the message says why.",
        USAGE: "The command line asks for what cannot be, and nothing was done.",
        INTERRUPTED: "Ctrl-C ended it.",
    }
)
PARTS: Mapping[int, str] = MappingProxyType(
    {INCOMPLETE: "A part of the answer is there; the message says what is missing."}
)


def no_arguments(_: argparse.ArgumentParser) -> None:
    """Add nothing to the options that all commands share."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command; `run` gets the parsed options and gives the exit code.

    `arguments` adds to the command's own parser when the command is called, so it may import
    modules that are slow to load. `uses` are the shared options that make a difference; the others
    are refused. `example` is a line that works as it is, and `codes` are the exit codes that mean
    more than `CODES` say.
    """

    name: str
    text: str
    run: Callable[[argparse.Namespace, Output], int]
    arguments: Callable[[argparse.ArgumentParser], None] = no_arguments
    example: str = ""
    codes: Mapping[int, str] = field(default_factory=dict)
    uses: tuple[str, ...] = SHARED


@dataclass(frozen=True, slots=True)
class Family:
    """Commands under one name, such as `marketkit lake ls` and `marketkit lake gaps`."""

    name: str
    text: str
    members: tuple[Command, ...]
    example: str = ""
