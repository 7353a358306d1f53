"""`marketkit worker`: work for a Dask scheduler, from an address of this machine."""

from __future__ import annotations

import argparse

from marketkit.cli.command import Command
from marketkit.cli.options import positive
from marketkit.cli.output import DONE, FAILED, INTERRUPTED, Output
from marketkit.disk.system import interrupt, on_ending


def _arguments(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("scheduler", help="The address of the scheduler, such as tcp://192.168.0.7:8786.")
    said = "An address of this machine that requests leave from; MARKETKIT_ADDRESS if not given."
    add("--address", metavar="IP", help=said)
    said = "Pieces of work at a time; 2 if not given, so that one asks while another is written."
    add("--threads", type=positive(int), default=2, metavar="N", help=said)
    add("--name", help="The name of the worker in Dask's dashboard.")


def _run(options: argparse.Namespace, output: Output) -> int:
    import asyncio  # noqa: PLC0415 - slow, and `--help` needs none

    from marketkit.data.fleet.worker import WorkerOptions, serve  # noqa: PLC0415 - slow

    wanted = WorkerOptions(options.scheduler, options.address, options.threads, options.name)
    output.say(f"at work for {wanted.scheduler}; Ctrl-C ends it")
    with on_ending(interrupt):
        asyncio.run(serve(wanted))
    output.say("the scheduler has closed")
    return DONE


COMMAND = Command(
    "worker",
    "Work for a Dask scheduler: do the parts of jobs that were begun with plan.run(on=...). It asks"
    " the exchange from its own address, paced by the budget of this machine.",
    _run,
    _arguments,
    example="marketkit worker tcp://127.0.0.1:8786 --address 127.0.0.2",
    codes={
        DONE: "The scheduler has closed.",
        FAILED: "No scheduler answers, and the message says why.",
        INTERRUPTED: "Ctrl-C or SIGTERM ended it, and what was fetched is kept.",
    },
    uses=(),  # lake and exchange are those of the job
)
