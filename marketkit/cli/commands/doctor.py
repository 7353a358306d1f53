"""`marketkit doctor`: look at the foundations of all data, and at series about to be lost."""

from __future__ import annotations

import argparse

from marketkit.cli.command import Command
from marketkit.cli.options import open_provider
from marketkit.cli.output import DONE, FAILED, INCOMPLETE, Output

_CODES = {"bad": FAILED, "look": INCOMPLETE}


def _run(options: argparse.Namespace, output: Output) -> int:
    found = open_provider(options).doctor()
    for row in found.iter_rows(named=True):
        output.say(f"{row['state']:<4}  {row['check']:<8}  {row['detail']}")
    if output.as_json:
        output.table(found)
    states = set(found["state"])
    return next((code for state, code in _CODES.items() if state in states), DONE)


_TEXT = (
    "Look at settings, lake, exchange, clock and budget, and name the series that the lake lacks of"
    " markets that end; exit code 1 where something is bad, 3 where something wants a look."
)
COMMAND = Command("doctor", _TEXT, _run)
