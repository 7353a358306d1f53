"""The help of the commands under `marketkit lake` and `marketkit jobs`, in sentences for users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from marketkit.cli.output import FAILED, INCOMPLETE


class Text(NamedTuple):
    """The help of a command: sentences, a line that works, exit codes that mean more than usual."""

    text: str
    example: str
    codes: Mapping[int, str] = {}


LAKE: Mapping[str, Text] = {
    "ls": Text(
        "List the series of the lake, with the first and the last candle of each.",
        "marketkit lake ls",
    ),
    "gaps": Text(
        "List the spans of slots that nobody asked the exchange about.",
        "marketkit lake gaps KRW-BTC --timeframe 1m --start 2026-01-01",
    ),
    "coverage": Text(
        "Count the slots that traded, are proved empty or are unknown.",
        "marketkit lake coverage KRW-BTC --timeframe 1m",
    ),
    "calendar": Text(
        "Print the share of each state by symbol and day.",
        "marketkit lake calendar KRW-BTC --timeframe 1m",
    ),
    "quality": Text(
        "Print a score of each symbol and day, and what takes points off: unknown slots, candles"
        " that other widths contradict, and prices that no market makes.",
        "marketkit lake quality KRW-BTC --timeframe 1m --start 2026-01-01",
    ),
    "revisions": Text(
        "List the candles that the exchange changed afterwards.",
        "marketkit lake revisions KRW-BTC",
    ),
    "audit": Text(
        "Compare every byte of files, footers and index, of a lake and of recordings in its folder;"
        " with --tier of images below the cache folder, too. Nothing is changed.",
        "marketkit lake audit",
        {FAILED: "Something is off; marketkit lake repair mends it."},
    ),
    "repair": Text(
        "Mend what needs no guessing, of a lake and of recordings in its folder. The rest becomes"
        " unknown, and is kept under corrupt/.",
        "marketkit lake repair --dry-run",
    ),
    "freeze": Text(
        "Keep the lake as it is now under a name. It takes no room until the lake changes.",
        "marketkit lake freeze paper-1",
    ),
    "verify": Text(
        "Compare a frozen set with its manifest, byte by byte.",
        "marketkit lake verify paper-1",
        {FAILED: "The set differs from its manifest, or it failed; the output says which."},
    ),
    "diff": Text(
        "Compare two frozen sets or lakes, or one with the lake as it is now.",
        "marketkit lake diff paper-1",
        {FAILED: "They differ, or it failed; the output says which."},
    ),
    "cite": Text("Print a BibTeX entry for a frozen set.", "marketkit lake cite paper-1"),
    "delete": Text("Remove a frozen set.", "marketkit lake delete paper-1"),
    "publish": Text(
        "Write a Delta log over a frozen set, so that other engines read it.",
        "marketkit lake publish paper-1",
    ),
    "table": Text(
        "Say how Polars, DuckDB, Spark, Daft, Dask and pyarrow read a set, as lines to paste.",
        "marketkit lake table paper-1",
    ),
    "vacuum": Text(
        "Delete what deleted sets left in a bucket. A lake on a disk has nothing of that kind.",
        "marketkit lake vacuum --lake s3://team/upbit",
    ),
    "frozen": Text("List the frozen sets, oldest first.", "marketkit lake frozen"),
    "thaw": Text(
        "Make a new lake from a frozen set.", "marketkit lake thaw paper-1 ./paper-1-lake"
    ),
    "import": Text(
        "Take candles of files into the lake: CSV, JSON, Parquet, Arrow, Feather or Excel, packed"
        " by gzip or zip or not, one file or a folder of them.",
        "marketkit lake import minutes.csv --symbol KRW-BTC --timeframe 1m --tz UTC",
        {INCOMPLETE: "Some files were refused, and the output lists them; the others are in."},
    ),
    "merge": Text(
        "Take in what another lake or a frozen set knows. What is known here stays, unless"
        " --prefer other; what differs is listed.",
        "marketkit lake merge ../old-laptop/lake --dry-run",
        {INCOMPLETE: "A series was left out; the message says why. The others are done."},
    ),
    "push": Text(
        "Give a lake that many share what this one knows more. It may lie in a folder or in a"
        " bucket, and is made if it is not there. Of a slot that both tell differently the word"
        " counts that was seen to change last.",
        "marketkit lake push ../shared/lake --dry-run",
        {INCOMPLETE: "A series was left out; the message says why. The others are done."},
    ),
    "pull": Text(
        "Take in what a lake that many share knows more, by the rules of marketkit lake push.",
        "marketkit lake pull ../shared/lake --dry-run",
        {INCOMPLETE: "A series was left out; the message says why. The others are done."},
    ),
    "export": Text(
        "Write candles to a .csv, .parquet, .arrow or .feather file.",
        "marketkit lake export btc.parquet KRW-BTC --timeframe 1h",
    ),
    "sql": Text(
        "Answer a question in the SQL of DuckDB. The tables are candles, candles_1m and so on.",
        "marketkit lake sql 'select symbol, count(*) from candles group by symbol'",
    ),
    "drop": Text(
        "Remove the candles of a series and all that the lake knows of them. It asks first;"
        " frozen sets keep theirs.",
        "marketkit lake drop KRW-BTC --timeframe 1m --yes",
        {INCOMPLETE: "Nobody said yes, and nothing was removed."},
    ),
    "du": Text(
        "Print how much room the lake takes on disk, by series, quote currency or timeframe.",
        "marketkit lake du --by timeframe",
    ),
}
JOBS: Mapping[str, Text] = {
    "ls": Text("List all jobs, the latest first.", "marketkit jobs ls"),
    "show": Text("Show how each symbol of a job stands.", "marketkit jobs show 1a2b"),
    "resume": Text(
        "Go on with a job that was paused, interrupted or stopped.",
        "marketkit jobs resume 1a2b",
        {INCOMPLETE: "The job ended, and slots are still unknown."},
    ),
    "pause": Text("Have all processes at work on a job hold it.", "marketkit jobs pause 1a2b"),
    "cancel": Text(
        "End a job, in whatever process. What was fetched stays.", "marketkit jobs cancel 1a2b"
    ),
}
