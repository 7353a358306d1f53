"""Records of loggers as lines of JSON, where every line of a command is JSON."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from marketkit.cli.output import Output


@contextmanager
def as_lines(output: Output) -> Iterator[None]:
    """Print the warnings that no handler of a logger takes, as Python would print text."""
    before = logging.lastResort
    logging.lastResort = _Lines(output)
    try:
        yield
    finally:
        logging.lastResort = before


class _Lines(logging.Handler):
    def __init__(self, output: Output) -> None:
        super().__init__(logging.WARNING)
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        self._output.log(record.levelname.lower(), record.name, self.format(record))
