"""The jobs of a lake as frames: all jobs, the symbols of one, the attempts that failed."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.ledger_db import NAME, LedgerReset
from marketkit.data.jobs.tasks import BackfillRequest
from marketkit.errors import InputError, LakeError, nearest
from marketkit.net import fork
from marketkit.schema import TIME, Schema

JOBS: Schema = {
    "job": pl.String(),
    "what": pl.String(),
    "state": pl.String(),
    "percent": pl.Float64(),
    "slots": pl.Int64(),
    "done": pl.Int64(),
    "requests": pl.Int64(),
    "rows": pl.Int64(),
    "failed": pl.Int64(),
    "processes": pl.Int64(),
    "updated": TIME,
    "note": pl.String(),
}
SYMBOLS: Schema = {
    "symbol": pl.String(),
    "state": pl.String(),
    "slots": pl.Int64(),
    "done": pl.Int64(),
    "requests": pl.Int64(),
    "rows": pl.Int64(),
    "attempts": pl.Int64(),
    "error": pl.String(),
}
ATTEMPTS: Schema = {
    "symbol": pl.String(),
    "start": TIME,
    "at": TIME,
    "attempt": pl.Int64(),
    "error": pl.String(),
}
# A job nobody works on, though nobody ended it, was interrupted: the same call goes on with it.
_JOBS = """
    SELECT id, wanted, CASE
            WHEN state <> 'running' THEN state
            WHEN workers = 0 THEN 'interrupted'
            WHEN wish = 'pause' THEN 'paused'
            WHEN note <> '' THEN 'waiting'
            ELSE 'running'
        END, coalesce(100.0 * done / slots, 100.0 * (state = 'done')),
        slots, done, requests, rows, failed, workers, updated, note
    FROM (
        SELECT *, (SELECT count(*) FROM workers WHERE workers.job = jobs.id) AS workers FROM jobs
    ) LEFT JOIN (
        SELECT job, sum(slots) AS slots, sum(done) AS done, sum(requests) AS requests,
            sum(rows) AS rows,
            count(DISTINCT symbol) FILTER (WHERE state = 'failed') AS failed
        FROM tasks GROUP BY job
    ) ON job = id
    ORDER BY updated DESC
"""
_SYMBOLS = """
    SELECT symbol, CASE
            WHEN sum(state = 'failed') THEN 'failed'
            WHEN sum(state = 'leased') THEN 'at work'
            WHEN sum(state = 'open') THEN 'waiting'
            ELSE 'done'
        END, sum(slots), sum(done), sum(requests), sum(rows), max(attempts), max(error)
    FROM tasks WHERE job = ? GROUP BY symbol ORDER BY symbol
"""

_ATTEMPTS = """
    SELECT errors.symbol, start, at, attempt, message FROM errors
    JOIN tasks ON tasks.job = errors.job AND tasks.symbol = errors.symbol
        AND tasks.block = errors.block
    WHERE errors.job = ? ORDER BY at DESC
"""

_AT_WORK = """
    SELECT DISTINCT symbol, job FROM tasks
    WHERE timeframe = ? AND state IN ('open', 'leased') AND job IN (SELECT job FROM workers)
"""


def jobs(root: Path) -> pl.DataFrame:
    """List the jobs of the lake at `root`, the latest first; see `JOBS` for the columns."""
    rows = [(job, _what(str(wanted)), *rest) for job, wanted, *rest in _read(root, _JOBS)]
    return pl.DataFrame(rows, schema=dict(JOBS), orient="row").with_columns(
        pl.col("percent").round(1)
    )


def symbols(root: Path, job: str) -> pl.DataFrame:
    """Say how each symbol of a job stands; no row where nothing was to be done."""
    return pl.DataFrame(_read(root, _SYMBOLS, job), schema=dict(SYMBOLS), orient="row")


def attempts(root: Path, job: str) -> pl.DataFrame:
    """List the attempts at tasks of a job that failed, the latest first: `start` is the task's."""
    return pl.DataFrame(_read(root, _ATTEMPTS, job), schema=dict(ATTEMPTS), orient="row")


def at_work(root: Path, timeframe: str) -> dict[str, str]:
    """Give the symbols that somebody is about to fetch in a timeframe, and the job of each."""
    return {str(symbol): str(job) for symbol, job in _read(root, _AT_WORK, timeframe)}


def find(root: Path, job: str) -> BackfillRequest:
    """Find the request of a job of the lake by the job's name or the beginning of the name."""
    known = {str(name): str(wanted) for name, wanted in _read(root, "SELECT id, wanted FROM jobs")}
    meant = [name for name in known if name.startswith(job)]
    if len(meant) != 1:
        what = "more than one job begins with" if meant else "no job"
        raise InputError(f"{what} {job!r}{nearest(job, known)} (see `marketkit jobs ls`)")
    try:
        return BackfillRequest.read(known[meant[0]])
    except ValueError as error:
        raise LakeError(
            f"{root / NAME} does not say what job {meant[0]} is to bring: {error};"
            "\nthe same backfill begins it anew"
        ) from error


def _what(wanted: str) -> str:
    """Describe the request of a job, as far as the ledger can be read."""
    try:
        return str(BackfillRequest.read(wanted))
    except ValueError:
        return "cannot be read"


def _read(root: Path, query: str, *values: object) -> list[tuple[object, ...]]:
    fork.check()
    if not (root / NAME).exists():
        return []
    with Ledger(root) as ledger:
        try:
            return ledger.read(query, *values)
        except LedgerReset:  # it was damaged, and knows nothing now
            return []
