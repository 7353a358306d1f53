"""The outcome of a call, as a response or as the result of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import polars as pl

from marketkit.api.response import DataResponse as Answer
from marketkit.compat.older.calls import Call
from marketkit.compat.older.models import (
    BatchRequestResult,
    DataSourceType,
    StreamType,
    percent,
    source_of,
)
from marketkit.compat.older.response import DataResponse, ResponseMetadata
from marketkit.errors import MarketkitError, PartialResult


class Outcome(NamedTuple):
    """A call, the answer with the payload or the error, and the seconds between."""

    call: Call
    answer: Answer[pl.DataFrame] | MarketkitError
    payload: Any
    seconds: float

    @property
    def sources(self) -> Mapping[str, str]:
        """The source of each symbol that was delivered."""
        return {} if isinstance(self.answer, MarketkitError) else self.answer.source

    @property
    def size(self) -> int:
        """The bytes of the delivered frame."""
        if isinstance(self.answer, MarketkitError):
            return 0
        return int(self.answer.frame.estimated_size())

    def response(self) -> DataResponse:
        """Give the response."""
        kind = StreamType(self.call.kind)
        if isinstance(self.answer, MarketkitError):
            return DataResponse(
                success=False,
                error_message=str(self.answer),
                response_time_ms=self.seconds * 1000,
                stream_type=kind,
                metadata=self._metadata(DataSourceType.ERROR, 0),
                exception=self.answer,
            )
        return self._delivered(self.answer, kind)

    def _delivered(self, answer: Answer[pl.DataFrame], kind: StreamType) -> DataResponse:
        payload, source = self.payload, source_of(answer.source.values())
        failed = PartialResult(answer.frame, answer.failures) if answer.failures else None
        return DataResponse(
            success=True,
            data=payload,
            error_message=_named(answer.failures),
            cache_hit=_kept(answer),
            response_time_ms=self.seconds * 1000,
            data_source_type=source,
            stream_type=kind,
            is_realtime=source is DataSourceType.WEBSOCKET,
            data_timestamp=_newest(answer.frame, "trade_time", "time"),
            server_timestamp=_newest(answer.frame, "time") if kind is StreamType.TICKER else None,
            age_seconds=max(answer.age_ms.values(), default=0) / 1000,
            metadata=self._metadata(source, len(payload) if isinstance(payload, list) else 1),
            failures=answer.failures,
            exception=failed,
        )

    def batch(self, symbols: Sequence[str]) -> BatchRequestResult:
        """Give the result for each symbol as asked for, repeats too."""
        told = self._told(symbols)
        delivered = [symbol for symbol in symbols if "error" not in told[symbol]]
        kept = [symbol for symbol in delivered if self.sources.get(symbol) != "rest"]
        return BatchRequestResult(
            successful_symbols=delivered,
            failed_symbols=[symbol for symbol in symbols if "error" in told[symbol]],
            total_response_time_ms=self.seconds * 1000,
            symbols_per_second=len(delivered) / self.seconds,
            cache_hit_rate=percent(len(kept), len(symbols)),
            individual_responses=told,
        )

    def _told(self, symbols: Sequence[str]) -> dict[str, dict[str, Any]]:
        if isinstance(self.answer, MarketkitError):
            return {symbol: {"error": str(self.answer)} for symbol in symbols}
        rows, failures = self.payload, self.answer.failures
        return {
            symbol: rows.get(symbol) or {"error": str(failures.get(symbol, "no answer"))}
            for symbol in symbols
        }

    def _metadata(self, source: DataSourceType, records: int) -> ResponseMetadata:
        kept = not isinstance(self.answer, MarketkitError) and _kept(self.answer)
        return ResponseMetadata(
            source=source.value,
            response_time_ms=self.seconds * 1000,
            cache_hit=kept,
            records_count=records,
            # machine's clock: when this machine answered, for people and their logs
            timestamp=datetime.now(UTC),
            priority_used=self.call.priority,
        )


def _named(failures: Mapping[str, MarketkitError]) -> str | None:
    """Name the first symbol that failed, and why, and how many others did; None without any."""
    for symbol, failure in failures.items():
        more = f", and {len(failures) - 1} more failed" if len(failures) > 1 else ""
        return f"{symbol}: {failure}{more}"
    return None


def _kept(answer: Answer[pl.DataFrame]) -> bool:
    """Say whether all that was delivered needed no request."""
    return "rest" not in answer.source.values()


def _newest(frame: pl.DataFrame, *columns: str) -> datetime | None:
    """Give the newest time in the first of these columns that the frame has."""
    for name in columns:
        if name in frame.columns:
            newest = frame[name].max()
            return newest if isinstance(newest, datetime) else None
    return None
