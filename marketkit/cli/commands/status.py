"""`marketkit status`: print the request budgets of the machine."""

from __future__ import annotations

import argparse

from marketkit.cli.command import Command
from marketkit.cli.options import open_provider
from marketkit.cli.output import DONE, Output


def _run(options: argparse.Namespace, output: Output) -> int:
    output.table(open_provider(options).status().requests.select("group", "left", "limit"))
    return DONE


COMMAND = Command(
    "status",
    "Print how many requests the machine may send right now, by rate group.",
    _run,
    example="marketkit status",
    uses=("json", "endpoint", "region"),
)
