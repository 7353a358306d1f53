"""A URL in the place of a folder or a file: refused by name, but for a lake in a bucket."""

from __future__ import annotations

import asyncio
import inspect
import re
from functools import partial
from pathlib import Path

import polars as pl
import pytest

import marketkit as mk
from marketkit import to
from marketkit.cli.main import main
from marketkit.data.jobs.config import read_config
from marketkit.errors import InputError
from marketkit.notebook.charts.chart import Chart
from marketkit.sandbox import Sandbox

OFFLINE = {"endpoint": "http://127.0.0.1:9", "offline": True}
ROWS = pl.DataFrame(schema=mk.schema.ROW)
SPAN = {"start": "2026-01-01", "end": "2026-01-02"}


def provider() -> mk.SmartDataProvider:
    return mk.SmartDataProvider(**OFFLINE)


def awaited(call):
    async def run():
        async with mk.AsyncSmartDataProvider(**OFFLINE) as there:
            return await call(there)

    return asyncio.run(run())


async def lake_at(url, there):
    return there.lake(url)


def lake() -> mk.Lake:
    return mk.Lake(Path("own"))


# Each argument of the public interface that takes a folder or a file, and a call that gives one.
CALLS = {
    "AsyncSmartDataProvider.__init__(lake)": lambda url: mk.AsyncSmartDataProvider(lake=url),
    "AsyncSmartDataProvider.backfill(keep)": lambda url: awaited(
        lambda there: there.backfill("KRW-BTC", "1m", **SPAN, archive=True, keep=url)
    ),
    "AsyncSmartDataProvider.bars(recording)": lambda url: awaited(
        lambda there: there.bars("KRW-BTC", "1m", **SPAN, recording=url)
    ),
    "AsyncSmartDataProvider.lake(place)": lambda url: awaited(partial(lake_at, url)),
    "AsyncSmartDataProvider.live(replay)": lambda url: awaited(
        lambda there: there.live("KRW-BTC", "1m", replay=url)
    ),
    "AsyncSmartDataProvider.plan(keep)": lambda url: awaited(
        lambda there: there.plan("KRW-BTC", "1m", **SPAN, archive=True, keep=url)
    ),
    "AsyncSmartDataProvider.record(to)": lambda url: awaited(
        lambda there: there.record("KRW-BTC", ["trade"], to=url)
    ),
    "AsyncSmartDataProvider.watch(replay)": lambda url: awaited(
        lambda there: there.watch("KRW-BTC", "trade", replay=url)
    ),
    "Chart.save(path)": lambda url: Chart.save(object.__new__(Chart), url),
    "Lake.__init__(root)": mk.Lake,
    "Lake.diff(a)": lambda url: lake().diff(url, None),
    "Lake.diff(b)": lambda url: lake().diff(None, url),
    "Lake.export(path)": lambda url: lake().export(url, "KRW-BTC"),
    "Lake.import_(path)": lambda url: lake().import_(url, symbol="KRW-BTC", timeframe="1m"),
    "Lake.merge(other)": lambda url: lake().merge(url),
    "Lake.pull(other)": lambda url: lake().pull(url),
    "Lake.push(other)": lambda url: lake().push(url),
    "Lake.thaw(into)": lambda url: lake().thaw("first", url),
    "Sandbox.__init__(history)": Sandbox,
    "SmartDataProvider.__init__(lake)": lambda url: mk.SmartDataProvider(lake=url),
    "SmartDataProvider.backfill(keep)": lambda url: provider().backfill(
        "KRW-BTC", "1m", **SPAN, archive=True, keep=url
    ),
    "SmartDataProvider.bars(recording)": lambda url: provider().bars(
        "KRW-BTC", "1m", **SPAN, recording=url
    ),
    "SmartDataProvider.lake(place)": lambda url: provider().lake(url),
    "SmartDataProvider.live(replay)": lambda url: provider().live("KRW-BTC", "1m", replay=url),
    "SmartDataProvider.plan(keep)": lambda url: provider().plan(
        "KRW-BTC", "1m", **SPAN, archive=True, keep=url
    ),
    "SmartDataProvider.record(to)": lambda url: provider().record("KRW-BTC", ["trade"], to=url),
    "SmartDataProvider.watch(replay)": lambda url: provider().watch("KRW-BTC", "trade", replay=url),
    "configure(lake)": lambda url: mk.configure(lake=url),
    "keep_recording(folder)": lambda url: mk.keep_recording(url, lake()),
    "keep_recording(lake)": lambda url: mk.keep_recording("tape", url),
    "read_interruptions(folder)": mk.read_interruptions,
    "read_recording(folder)": lambda url: mk.read_recording(url, "trade"),
    "to.freqtrade(folder)": lambda url: to.freqtrade(ROWS, "1m", url),
    "to.hftbacktest(file)": lambda url: to.hftbacktest("tape", "KRW-BTC", file=url),
    "to.hftbacktest(recording)": lambda url: to.hftbacktest(url, "KRW-BTC"),
    "to.nautilus(folder)": lambda url: to.nautilus(ROWS, "1m", url),
}
# Those that name a lake, which may be in a bucket.
LAKES = {
    "AsyncSmartDataProvider.__init__(lake)",
    "AsyncSmartDataProvider.lake(place)",
    "Lake.__init__(root)",
    "Lake.diff(a)",
    "Lake.diff(b)",
    "Lake.merge(other)",
    "Lake.pull(other)",
    "Lake.push(other)",
    "SmartDataProvider.__init__(lake)",
    "SmartDataProvider.lake(place)",
    "configure(lake)",
    "keep_recording(lake)",
}
# A job's own folder is that of its lake.
ELSEWHERE = {"Job.__init__(root)"}
BUCKETS = ["s3://bucket/lake", Path("gs://bucket/lake"), "az://bucket/lake"]
URLS = ["file:///data/lake", "http://127.0.0.1:9/l", "s4://bucket/lake", Path("hdfs://name/lake")]
REFUSED = [(name, url) for name in CALLS for url in URLS]
REFUSED += [(name, url) for name in CALLS if name not in LAKES for url in BUCKETS]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder in which nothing is made but the lake that a test has asked for."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def arguments(name: str, found: object):
    """Give each argument that takes a path, of a function or of a class's methods."""
    if inspect.isclass(found) and not issubclass(found, Exception):
        for each in dir(found):
            if each == "__init__" or not each.startswith("_"):
                yield from arguments(f"{name}.{each}", getattr(found, each))
    elif inspect.isfunction(found):
        for each in inspect.signature(found).parameters.values():
            if re.search(r"Path|\bSide\b", str(each.annotation)) or each.name == "recording":
                yield f"{name}({each.name})"


def test_no_argument_that_takes_a_folder_or_a_file_is_left_out():
    public = {name: getattr(mk, name) for name in mk.__all__}
    public |= {f"to.{name}": getattr(to, name) for name in to.__all__}
    found = {
        each
        for name, thing in {**public, "Sandbox": Sandbox, "Chart": Chart}.items()
        for each in arguments(name, thing)
    }
    of_provider = {each.partition(".")[2] for each in CALLS}  # as functions of the package
    assert found - ELSEWHERE - of_provider == set(CALLS)


@pytest.mark.parametrize(("name", "url"), REFUSED, ids=str)
def test_a_url_is_refused_by_the_name_of_the_argument(name, url, folder):
    with pytest.raises(InputError, match=r"not supported|URL") as told:
        CALLS[name](url)
    said = str(told.value)
    assert str(url).partition(":")[0] in said
    assert len(said.splitlines()) <= 2
    assert {each.name for each in folder.iterdir()} <= {"own"}


@pytest.mark.parametrize("url", BUCKETS, ids=str)
def test_a_lake_may_be_in_a_bucket(url, folder, monkeypatch):
    said = str(url).replace(":/b", "://b")
    assert mk.Lake(url).url == provider().lake(url).url == said
    assert mk.SmartDataProvider(**OFFLINE, lake=url).lake().url == said
    monkeypatch.setenv("MARKETKIT_LAKE", str(url))
    assert provider().lake().url == said
    assert not list(folder.iterdir())  # nothing is asked yet, and nothing made


@pytest.mark.parametrize("url", ["s3://key:secret@bucket/lake", "s3:///lake", "gs://a b/lake"])
def test_an_address_that_names_no_bucket_is_refused_without_its_secrets(url, folder):
    with pytest.raises(InputError) as told:
        mk.Lake(url)
    assert "secret" not in str(told.value)
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("name", "url"),
    [(name, url) for name in ["CACHE", "BUDGET_DIR"] for url in [*BUCKETS, *URLS]]
    + [("LAKE", url) for url in URLS],
)
def test_a_url_of_the_environment_is_refused_by_the_name_of_the_variable(name, url, monkeypatch):
    monkeypatch.setenv(f"MARKETKIT_{name}", str(url))
    with pytest.raises(InputError, match=f"MARKETKIT_{name}="):
        mk.SmartDataProvider(region="kr")


def test_a_url_of_the_settings_is_refused_by_the_name_of_the_variable(monkeypatch):
    from marketkit.settings import settings_dir

    monkeypatch.setenv("MARKETKIT_SETTINGS", "s3://bucket/settings")
    with pytest.raises(InputError, match="MARKETKIT_SETTINGS="):
        settings_dir()


def test_a_lake_of_a_config_is_a_folder_or_in_a_bucket(folder):
    config = folder / "nightly.toml"
    more = '[[universe]]\nsymbols = ["KRW-BTC"]\ndepth = {"1m" = "1d"}\n'
    config.write_text(f'lake = "ftp://bucket/lake"\n{more}')
    with pytest.raises(InputError, match=r"nightly\.toml: lake='ftp://bucket/lake'.*ftp://"):
        read_config(config)
    config.write_text(f'lake = "s3://bucket/lake/"\n{more}')
    assert read_config(config).lake == "s3://bucket/lake"


LINES = [
    ["lake", "ls", "--lake", "{}"],
    ["--lake", "{}", "lake", "ls"],
    ["candles", "KRW-BTC", "--lake", "{}"],
    ["lake", "merge", "{}"],
    ["lake", "diff", "{}"],
    ["backfill", "--config", "{}"],
    ["backfill", "KRW-BTC", "--start", "-1d", "--archive", "--keep", "{}"],
    ["record", "KRW-BTC", "--to", "{}"],
    ["lake", "thaw", "first", "{}"],
    ["lake", "import", "{}/KRW-BTC_1m.csv", "--timeframe", "1m"],
    ["lake", "export", "{}/KRW-BTC_1m.csv", "KRW-BTC"],
    ["lake", "audit", "{}"],
    ["sandbox", "--history", "{}"],
    ["sandbox", "--history", "KRW-BTC:1m={}"],
    ["sandbox", "--lake", "{}"],
]


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_the_command_line_refuses_a_url_as_bad_usage(line, folder, capsys):
    url = "s4://bucket/lake" if line in LINES[:5] else "s3://bucket/lake"
    words = [word.format(url) for word in line]
    try:
        code = main(words)
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    assert url[:2] in capsys.readouterr().err
    assert not list(folder.glob("s[34]*"))
