"""`python -m marketkit.sandbox`."""

from __future__ import annotations

import argparse
import sys

from marketkit.sandbox.command import add_arguments, run

parser = argparse.ArgumentParser(
    prog="python -m marketkit.sandbox", description="An Upbit-compatible exchange on 127.0.0.1."
)
add_arguments(parser)
sys.exit(run(parser.parse_args()))
