from marketkit import errors as errors
from marketkit import schema as schema
from marketkit import to as to
from marketkit.api.live.series import Live as Live
from marketkit.api.provider import AsyncSmartDataProvider as AsyncSmartDataProvider
from marketkit.api.response import DataResponse as DataResponse
from marketkit.api.status import Status as Status
from marketkit.api.sync import SmartDataProvider as SmartDataProvider
from marketkit.api.sync import configure as configure
from marketkit.coverage import Span as Span
from marketkit.coverage import Spans as Spans
from marketkit.data.bars.compare import compare_bars as compare_bars
from marketkit.data.jobs.job import Job as Job
from marketkit.data.jobs.plan import Plan as Plan
from marketkit.data.lake.lake import Lake as Lake
from marketkit.errors import BadResponse as BadResponse
from marketkit.errors import Banned as Banned
from marketkit.errors import CorruptFile as CorruptFile
from marketkit.errors import EngineClosed as EngineClosed
from marketkit.errors import ExchangeError as ExchangeError
from marketkit.errors import FeedOverflow as FeedOverflow
from marketkit.errors import InputError as InputError
from marketkit.errors import InvalidRange as InvalidRange
from marketkit.errors import LakeError as LakeError
from marketkit.errors import LeftOut as LeftOut
from marketkit.errors import MarketkitError as MarketkitError
from marketkit.errors import MissingExtra as MissingExtra
from marketkit.errors import NetworkError as NetworkError
from marketkit.errors import NewerFormat as NewerFormat
from marketkit.errors import NotCovered as NotCovered
from marketkit.errors import NotPicklable as NotPicklable
from marketkit.errors import NotWritable as NotWritable
from marketkit.errors import Offline as Offline
from marketkit.errors import PartialResult as PartialResult
from marketkit.errors import RateLimited as RateLimited
from marketkit.errors import Refused as Refused
from marketkit.errors import ServerFailed as ServerFailed
from marketkit.errors import TimedOut as TimedOut
from marketkit.errors import UnknownName as UnknownName
from marketkit.errors import UnknownSymbol as UnknownSymbol
from marketkit.errors import UnknownTimeframe as UnknownTimeframe
from marketkit.errors import Unreachable as Unreachable
from marketkit.errors import WrongArgument as WrongArgument
from marketkit.notebook import charts as plot
from marketkit.realtime.feed import Feed as Feed
from marketkit.recording.keeping import keep_recording as keep_recording
from marketkit.recording.reader import read_interruptions as read_interruptions
from marketkit.recording.reader import read_recording as read_recording
from marketkit.recording.recording import Recording as Recording
from marketkit.timeframe import Timeframe as Timeframe

__version__: str
__all__ = [
    "AsyncSmartDataProvider",
    "BadResponse",
    "Banned",
    "CorruptFile",
    "DataResponse",
    "EngineClosed",
    "ExchangeError",
    "Feed",
    "FeedOverflow",
    "InputError",
    "InvalidRange",
    "Job",
    "Lake",
    "LakeError",
    "LeftOut",
    "Live",
    "MarketkitError",
    "MissingExtra",
    "NetworkError",
    "NewerFormat",
    "NotCovered",
    "NotPicklable",
    "NotWritable",
    "Offline",
    "PartialResult",
    "Plan",
    "RateLimited",
    "Recording",
    "Refused",
    "ServerFailed",
    "SmartDataProvider",
    "Span",
    "Spans",
    "Status",
    "TimedOut",
    "Timeframe",
    "UnknownName",
    "UnknownSymbol",
    "UnknownTimeframe",
    "Unreachable",
    "WrongArgument",
    "__version__",
    "backfill",
    "bars",
    "board",
    "compare_bars",
    "configure",
    "doctor",
    "errors",
    "get_candle",
    "get_market",
    "get_orderbook",
    "get_ticker",
    "get_trade",
    "iter_candle",
    "jobs",
    "keep_recording",
    "lake",
    "live",
    "plan",
    "plot",
    "premium",
    "read_interruptions",
    "read_recording",
    "record",
    "schema",
    "status",
    "to",
    "watch",
    "with_response",
]

_default: SmartDataProvider

backfill = _default.backfill
bars = _default.bars
board = _default.board
doctor = _default.doctor
get_candle = _default.get_candle
get_market = _default.get_market
get_orderbook = _default.get_orderbook
get_ticker = _default.get_ticker
get_trade = _default.get_trade
iter_candle = _default.iter_candle
jobs = _default.jobs
lake = _default.lake
live = _default.live
plan = _default.plan
premium = _default.premium
record = _default.record
status = _default.status
watch = _default.watch
with_response = _default.with_response
