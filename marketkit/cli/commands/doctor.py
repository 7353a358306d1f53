"""`marketkit doctor`: look at the foundations of all data, and at the exchange itself."""

from __future__ import annotations

import argparse

from marketkit.cli.command import Command
from marketkit.cli.issue import markdown
from marketkit.cli.options import open_provider
from marketkit.cli.output import DONE, FAILED, INCOMPLETE, Output

_CODES = {"bad": FAILED, "look": INCOMPLETE}


def _arguments(command: argparse.ArgumentParser) -> None:
    said = "Compare the exchange's answers of each kind with what marketkit expects, by some twenty"
    said += " paced requests; print a report in Markdown to paste into an issue."
    command.add_argument("--live", action="store_true", help=said)


def _run(options: argparse.Namespace, output: Output) -> int:
    with open_provider(options) as provider:
        found = provider.doctor(live=options.live)
    if output.as_json:
        output.table(found)
    elif options.live:
        output.say(markdown(found))
    else:
        for state, check, detail, do in found.iter_rows():
            output.say(f"{state:<4}  {check:<8}  {detail}")
            if do:
                output.say(f"{'':<16}-> {do}")
    states = set(found["state"])
    return next((code for state, code in _CODES.items() if state in states), DONE)


COMMAND = Command(
    "doctor",
    "Look whether all is well, and say what to do where it is not: endpoint, clock, lake, request"
    " budget, versions, extras, disk, terminal, jobs, and markets that end with candles missing.",
    _run,
    _arguments,
    example="marketkit doctor --live",
    codes={
        DONE: "All is well; notes are nothing to worry about.",
        FAILED: "Something is bad.",
        INCOMPLETE: "Something wants to be looked at.",
    },
)
