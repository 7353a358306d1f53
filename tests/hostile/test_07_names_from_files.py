"""Names in footers, manifests, ledgers, indexes and journals never reach beyond the layout."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import polars as pl
import pytest

import marketkit as mk
from marketkit.coverage import Spans
from marketkit.data.jobs import catalog
from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.tasks import BackfillRequest, Task
from marketkit.data.lake import Lake
from marketkit.errors import CorruptFile, LakeError
from marketkit.recording import files, journal, mending
from marketkit.recording.journal import Note
from marketkit.recording.layout import hour_of
from marketkit.recording.rows import Heard, to_frame
from marketkit.sandbox import Sandbox
from marketkit.timeframe import HOUR, parse_time
from tests.unit.data.lake.conftest import make_candles
from tests.unit.recording.conftest import trade

NOW = "2026-11-20T00:00:30Z"
BEFORE = parse_time("2026-11-19T05:00")
MINUTE = 60_000


@pytest.fixture(scope="module")
def exchange():
    with Sandbox(seed=1, now=NOW, speed=1) as sandbox:
        yield sandbox


@pytest.fixture
def dear(tmp_path):
    """Files of somebody else, by the name that a footer would have to say."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("thesis.tex", "05.1.part.parquet", "2026-11.parquet"):
        (home / name).write_bytes(b"dear")
    return home


def untouched(home: Path) -> bool:
    return (
        all(each.read_bytes() == b"dear" for each in home.iterdir())
        and len(list(home.iterdir())) == 3
    )


def crafted(root: Path, parts: list[str], *, sealed: bool) -> None:
    """Make a recording whose file of an hour names these parts."""
    root.mkdir()
    journal.write(root, [Note("began", BEFORE, streams={"trade": ["KRW-BTC"]})])
    hour = hour_of("trade", BEFORE)
    files.write_part(root, hour, 1, to_frame("trade", [Heard(BEFORE, trade(1))]))
    said = {"marketkit": json.dumps({"parts": parts, "sha256": "0" * 64})}
    with (root / hour.folder / hour.part(1)).open("rb") as file:
        rows = pl.read_parquet(file)
    path = root / hour.folder / hour.file
    if sealed:
        files._place(path, lambda file: rows.write_parquet(file, metadata=said))
    else:
        rows.write_parquet(path, metadata={"marketkit": json.dumps({"parts": parts})})


@pytest.mark.parametrize("sealed", [True, False])
def test_a_footer_has_nothing_removed_but_parts_of_its_hour(exchange, tmp_path, dear, sealed):
    below = os.path.relpath(dear, tmp_path / "tape" / hour_of("trade", BEFORE).folder)
    names = [str(each) for each in dear.iterdir()] + [
        f"{below}/{each.name}" for each in dear.iterdir()
    ]
    others = [
        "../../journal.jsonl",
        "../../.recorder.lock",
        "..",
        ".",
        "",
        "\0",
        "06.1.part.parquet",
    ]
    crafted(tmp_path / "tape", [*names, *others], sealed=sealed)
    with (
        mk.SmartDataProvider(endpoint=exchange.endpoint) as provider,
        provider.record("KRW-BTC", "ticker", to=tmp_path / "tape"),
    ):
        pass
    mending.mend(tmp_path / "tape")
    assert untouched(dear)
    assert (tmp_path / "tape" / "journal.jsonl").exists()
    assert mk.read_recording(tmp_path / "tape", "trade")["sequential_id"].to_list() == [1]


@pytest.mark.parametrize(
    "where", ["channel=trade", "channel=trade/date=2026-11-19", "journal.jsonl"]
)
def test_a_recorder_writes_and_removes_nothing_where_a_link_leads(exchange, tmp_path, dear, where):
    root = tmp_path / "tape"
    crafted(root, [], sealed=True)
    moved = root / where
    moved.rename(tmp_path / "moved")
    moved.symlink_to(dear / "thesis.tex" if moved.suffix else dear)
    (dear / "05.parquet.1.aa.tmp").write_bytes(b"dear")
    with (
        suppress(LakeError),  # which says where it leads
        mk.SmartDataProvider(endpoint=exchange.endpoint) as provider,
        provider.record("KRW-BTC", "trade", to=root),
    ):
        pass
    assert (dear / "05.parquet.1.aa.tmp").read_bytes() == b"dear"
    (dear / "05.parquet.1.aa.tmp").unlink()
    assert {each.name for each in dear.iterdir() if each.is_file()} == {
        "thesis.tex",
        "05.1.part.parquet",
        "2026-11.parquet",
    }
    assert all(each.read_bytes() == b"dear" for each in dear.iterdir() if each.is_file())


NOTES = [
    *({"what": "interrupted", "at": at} for at in (2**70, -1, 1.5, "1", None, True, [1])),
    {"what": "began", "at": 1, "streams": ["trade"]},
    {"what": "began", "at": 1, "streams": {"../../x": "KRW-BTC"}},
    {"what": "began", "at": 1, "streams": {"trade": [1]}},
    {"what": ["began"], "at": 1},
    {"what": "interrupted", "at": 1, "reason": 5},
    {"what": "interrupted", "at": 9, "until": 5, "streams": {"trade": ["KRW-BTC", "KRW-ETH"]}},
]


@pytest.mark.parametrize("note", NOTES, ids=range(len(NOTES)))
def test_a_journal_that_says_anything_is_read_without_a_raw_error(tmp_path, note):
    root = tmp_path / "tape"
    crafted(root, [], sealed=True)
    with (root / "journal.jsonl").open("a") as file:
        file.write(json.dumps(note) + "\n" + "[" * 200_000 + "\n")
    assert mk.read_recording(root, "trade").height == 1
    assert mk.read_interruptions(root).height >= 1
    with (
        mk.SmartDataProvider(endpoint="http://127.0.0.1:1", offline=True) as provider,
        provider.watch("KRW-BTC", "trade", replay=root, speed=0) as feed,
    ):
        assert len(list(feed)) >= 1


@pytest.fixture
def lake(tmp_path):
    """A lake of one candle, frozen as `study`."""
    lake = Lake(tmp_path / "lake")
    rows = make_candles([BEFORE])
    lake.append("KRW-BTC", "1m", rows, Spans([(BEFORE, BEFORE + MINUTE)]))
    lake.freeze("study")
    return lake


PATHS = [
    *("candles/source=upbit/timeframe=1min/series=KRW-BTC/../../../../../../home/2026-11.parquet",),
    *("/home/2026-11.parquet", "../../../home/2026-11.parquet", "lake.json", ""),
    *(
        f"candles/source={source}/timeframe=1min/series=KRW-BTC/2026-11.parquet"
        for source in ("..", "UPBIT", "a b")
    ),
    *(
        f"candles/source=upbit/timeframe={width}/series=KRW-BTC/2026-11.parquet"
        for width in ("..", "2min")
    ),
    *(
        f"candles/source=upbit/timeframe=1min/series={name}/2026-11.parquet"
        for name in ("..", "", "krw-btc")
    ),
    *(
        f"candles/source=upbit/timeframe=1min/series=KRW-BTC/{chunk}.parquet"
        for chunk in ("..", "2026-13", "٢٠٢٦-11")
    ),
]


@pytest.mark.parametrize("path", PATHS)
def test_a_manifest_names_chunks_or_is_refused(lake, tmp_path, dear, path):
    manifest = lake.root / "snapshots" / "study" / "manifest.json"
    said = json.loads(manifest.read_text())
    said["files"][0]["path"] = path
    manifest.write_text(json.dumps(said))
    for use in (lambda: lake.as_of("study").read(None, "1m"), lambda: lake.cite("study")):
        with pytest.raises(CorruptFile, match="not the manifest"):
            use()
    with pytest.raises(CorruptFile):
        lake.thaw("study", tmp_path / "new")
    assert lake.verify("study").height == 1
    assert untouched(dear)


FIELDS = {
    "name": ["../study", "", 5, None, "a\x1b[2J"],
    "created": [1e400, "now", None, 2**80, -1, True],
    "format": ["9", None, [1]],
    "files": [None, 5, {"a": 1}, [None], [[]], [{"path": 5}]],
}


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, vs in FIELDS.items() for v in vs])
def test_a_manifest_of_other_kinds_is_refused(lake, field, value):
    manifest = lake.root / "snapshots" / "study" / "manifest.json"
    said = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**said, field: value}))
    with pytest.raises(CorruptFile, match="not the manifest"):
        lake.as_of("study")
    assert lake.frozen()["name"].to_list() == ["study"]


@pytest.mark.parametrize(
    "field", ["size", "rows", "first", "last", "covered", "nothing_before", "sha256"]
)
@pytest.mark.parametrize("value", ["many", 1.5, [[1, "x"]], {"a": 1}, True])
def test_a_file_of_a_manifest_of_other_kinds_is_refused(lake, field, value):
    manifest = lake.root / "snapshots" / "study" / "manifest.json"
    said = json.loads(manifest.read_text())
    said["files"][0][field] = value
    manifest.write_text(json.dumps(said))
    with pytest.raises(CorruptFile, match="not the manifest"):
        lake.as_of("study")


@pytest.mark.parametrize("content", ["[" * 200_000, "{}", "null", "\ufeff{}", '{"format": NaN}'])
def test_a_manifest_of_any_depth_is_refused(lake, content):
    (lake.root / "snapshots" / "study" / "manifest.json").write_text(content)
    with pytest.raises(CorruptFile, match="not the manifest"):
        lake.as_of("study")


@pytest.mark.parametrize("chunk", ["../../../../../home/2026-11", "/etc/passwd", "..", "2026-13"])
def test_an_index_names_chunks_or_is_made_anew(lake, dear, chunk):
    lake.index._database.close()
    with closing(sqlite3.connect(lake.root / "index.sqlite")) as connection, connection:
        connection.execute("UPDATE chunks SET chunk = ?", (chunk,))
        (folder,) = connection.execute("SELECT folder FROM chunks").fetchone()
        at = (lake.root / folder).stat()
        times = (folder, at.st_ino, at.st_mtime_ns, at.st_ctime_ns)
        connection.execute("REPLACE INTO folders VALUES (?, ?, ?, ?)", times)
    connection.close()
    again = Lake(lake.root)
    assert again.read(None, "1m").height == 1
    again.freeze("later")
    assert again.verify("later").is_empty()
    again.drop("KRW-BTC", "1m")
    assert untouched(dear)


@pytest.mark.parametrize("symbol", ["../../../home/thesis", "", "KRW-BTC\x00", "a b"])
def test_a_ledger_names_markets_or_is_made_anew(tmp_path, symbol):
    wanted = BackfillRequest("upbit", ("KRW-BTC",), "1m", BEFORE, BEFORE + HOUR)
    with Ledger(tmp_path) as ledger:
        ledger.open(wanted, [Task("KRW-BTC", 0, BEFORE, BEFORE + HOUR, 60)])
    with closing(sqlite3.connect(tmp_path / "jobs.sqlite")) as connection, connection:
        connection.execute("UPDATE tasks SET symbol = ?", (symbol,))
    connection.close()
    assert catalog.jobs(tmp_path).is_empty()
    with Ledger(tmp_path) as ledger:
        assert not ledger.knows(wanted.id)


LINES = ["[" * 200_000, '{"time": 1e400}', "5", "null", "\ufeff{}", "\x00"]
GOOD = {"symbol": "KRW-BTC", "time": BEFORE, "column": "open", "old": 1.0, "new": 2.0, "seen_at": 1}
LINES += [
    json.dumps({**GOOD, **other}) for other in ({"time": 2**70}, {"seen_at": -5}, {"new": []})
]


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_a_log_of_revisions_and_a_mark_that_say_anything_are_clear_errors(lake, line):
    log = lake.root / "revisions/source=upbit/timeframe=1min/KRW-BTC.ndjson"
    log.parent.mkdir(parents=True)
    log.write_text(f"{line}\n")
    for ask in (lake.revisions, lake.finality):
        with pytest.raises(CorruptFile, match="line 1, is no revision"):
            ask()
    (lake.root / "lake.json").write_text(line)
    with pytest.raises(CorruptFile, match="does not say what format"):
        lake.read(None, "1m")
