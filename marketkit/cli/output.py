"""Output of commands: tables and sentences for people, JSON for other programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from marketkit.errors import Incomplete, MarketkitError

if TYPE_CHECKING:
    import polars as pl

    from marketkit.data.jobs.report import Report

# Exit codes: done and complete, failed, bad usage, done but incomplete, stopped by Ctrl-C.
DONE, FAILED, USAGE, INCOMPLETE, INTERRUPTED = 0, 1, 2, 3, 130


class Output:
    """The printer of commands: tables and sentences, or JSON for other programs.

    With `log_as_json` stderr has JSON lines only, whatever stdout has.
    """

    def __init__(self, *, as_json: bool, log_as_json: bool = False) -> None:
        self.as_json = as_json
        self._log_as_json = as_json or log_as_json
        self.lacks = False  # whether a warning said that a part of an answer is left out

    def table(self, frame: pl.DataFrame, most: int = 40) -> None:
        """Print a frame as a table in the room there is, or as a JSON list with ISO times.

        A table has at most so many rows, of both ends; by default those of a screen.
        """
        if self.as_json:
            from marketkit.cli.json_rows import as_list  # noqa: PLC0415 - as below

            print(as_list(frame), flush=True)
            return
        from marketkit.notebook.table import table  # noqa: PLC0415 - `--help` needs none

        self.say(table(frame, most).text())

    def lines(self, frame: pl.DataFrame) -> None:
        """Print each row as a line at once: values, or a JSON object with ISO times."""
        if self.as_json:
            from marketkit.cli.json_rows import as_lines  # noqa: PLC0415 - as above

            print(as_lines(frame), end="", flush=True)
            return
        from marketkit.notebook.table import line  # noqa: PLC0415 - as above

        for row in frame.iter_rows(named=True):
            self.say(line(row))

    def report(self, report: Report) -> None:
        """Print the report of a backfill."""
        if not self.as_json:
            self.say(str(report))
            return
        self.value(
            complete=report.complete,
            symbols=report.symbols,
            timeframe=report.timeframe.name,
            slots=report.slots,
            traded=report.traded,
            empty=report.empty,
            absent=report.absent,
            unknown=report.unknown,
            requests=report.requests,
            rows=report.rows,
            revisions=report.revisions,
            seconds=round(report.seconds, 3),
            failures={symbol: str(failure) for symbol, failure in report.failures.items()},
            unconfirmed=report.unconfirmed,
        )

    def say(self, sentence: str = "") -> None:
        """Print a sentence for people, nothing for programs."""
        if not self.as_json:
            print(sentence, flush=True)

    def value(self, **value: object) -> None:
        """Print one JSON object for programs, nothing for people."""
        if self.as_json:
            print(json.dumps(value))

    def problem(self, error: MarketkitError) -> None:
        """Print an error on stderr."""
        self._log("error", type(error), str(error), f"marketkit: {error}")

    def warning(self, message: Warning | str, category: type[Warning]) -> None:
        """Print a warning on stderr, without the path and the line of source that Python adds."""
        self.lacks = self.lacks or issubclass(category, Incomplete)
        self._log("warning", category, str(message), f"marketkit: warning: {message}")

    def _log(self, level: str, kind: type, message: str, text: str) -> None:
        as_json = json.dumps({level: kind.__name__, "message": message})
        print(as_json if self._log_as_json else text, file=sys.stderr)
