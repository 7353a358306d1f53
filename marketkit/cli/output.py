"""Output of commands: tables and sentences for people, JSON for other programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from marketkit.cli.terminal import tell, writing
from marketkit.disk.system import hung_up
from marketkit.errors import Incomplete, MarketkitError
from marketkit.notebook.encoding import encoding_of, printable

if TYPE_CHECKING:
    import polars as pl

    from marketkit.data.jobs.report import Report

# Exit codes: done and complete, failed, bad usage, done but incomplete, stopped by Ctrl-C.
DONE, FAILED, USAGE, INCOMPLETE, INTERRUPTED = 0, 1, 2, 3, 130


class Output:
    """The printer of commands: tables and sentences, or JSON for other programs.

    Where the reader of the output (`| head`) has left, no more is printed: a command does its work
    all the same, unless that is to print.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.lacks = False  # whether a warning said that a part of an answer is left out
        self._read = True

    def table(self, frame: pl.DataFrame, most: int = 40) -> None:
        """Print a frame as a table in the room there is, or as a JSON list with ISO times.

        A table has at most so many rows, of both ends; by default those of a screen.
        """
        if self.as_json:
            from marketkit.cli.json_rows import as_list  # noqa: PLC0415 - as below

            self._print(as_list(frame))
            return
        from marketkit.notebook.table import table  # noqa: PLC0415 - `--help` needs none

        self.say(table(frame, most).text())

    def lines(self, frame: pl.DataFrame) -> None:
        """Print each row as a line at once: values, or a JSON object with ISO times.

        Raises BrokenPipeError where nobody reads them.
        """
        if self.as_json:
            from marketkit.cli.json_rows import as_lines  # noqa: PLC0415 - as above

            self._print(as_lines(frame), end="")
        else:
            from marketkit.notebook.table import line  # noqa: PLC0415 - as above

            for row in frame.iter_rows(named=True):
                self.say(line(row))
        self.need_reader()

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
            **({} if report.archive is None else {"archive": report.archive.as_dict()}),
        )

    def say(self, sentence: str = "") -> None:
        """Print a sentence for people, nothing for programs."""
        if not self.as_json:
            self._print(sentence)

    def value(self, **value: object) -> None:
        """Print one JSON object for programs, nothing for people."""
        if self.as_json:
            self._print(json.dumps(value))

    def need_reader(self) -> None:
        """Raise BrokenPipeError where the reader of the output has left."""
        if not self._read or hung_up(sys.stdout):
            raise BrokenPipeError

    def problem(self, error: MarketkitError) -> None:
        """Print an error on stderr."""
        self.log("error", type(error).__name__, str(error), f"marketkit: {error}")

    def trouble(self, level: str, of: str, error: MarketkitError) -> None:
        """Print on stderr an error that does not end the command; `of` names the place."""
        said = f"{of}: {error}"
        self.log(level, type(error).__name__, said, said)

    def warning(self, message: Warning | str, category: type[Warning]) -> None:
        """Print a warning on stderr, without the path and the line of source that Python adds."""
        self.lacks = self.lacks or issubclass(category, Incomplete)
        self.log("warning", category.__name__, str(message), f"marketkit: warning: {message}")

    def log(self, level: str, kind: str, message: str, text: str = "") -> None:
        """Print a line on stderr: a JSON object, or `text` for people."""
        if self.as_json:
            tell(json.dumps({level: kind, "message": message}))
        else:
            tell(printable(text or message, encoding_of(sys.stderr)))

    def _print(self, text: str, end: str = "\n") -> None:
        if not self._read:
            return
        shown = text if self.as_json else printable(text, encoding_of(sys.stdout))
        try:
            with writing(sys.stdout):
                print(shown, end=end, flush=True)
        except BrokenPipeError:
            self._read = False
