"""Folders as disks, desktops and other users leave them: one odd file costs one series at most."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest

from marketkit.cli.main import main
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.errors import CorruptFile, Incomplete, MarketkitError
from marketkit.sandbox import Sandbox
from tests.unit.data.lake.conftest import make_candles

MINUTE, HOUR = 60_000, 3_600_000
JANUARY = 1_704_067_200_000  # 2024-01-01T00:00Z
MINUTES = "candles/source=upbit/timeframe=1min"
ETH = f"{MINUTES}/series=KRW-ETH"
CHUNK = f"{ETH}/2024-01.parquet"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 12345\n"
ANNEX = b"/annex/objects/SHA256E-s12345--4d7a21.parquet\n"
QUERY = "select symbol, count(*) n from candles_1m group by symbol order by symbol"
LOOKS = (
    *(["ls"], ["gaps"], ["coverage"], ["calendar"], ["revisions"], ["du"], ["frozen"]),
    *(["sql", QUERY], ["diff", "kept"], ["verify", "kept"], ["cite", "kept"]),
)
CHANGES = (["freeze", "new"], ["publish", "new"], ["thaw", "kept", "{}-thawed"])
CARE = (["audit"], ["repair", "--dry-run"], ["repair"], ["audit"])
OTHER = (*LOOKS[:-2], ["export", "{}.parquet"], ["freeze", "new"], ["thaw", "kept", "{}-thawed"])
OTHER = (*OTHER, ["audit"], ["repair"])  # what somebody else asks of a lake


def make(root: Path) -> Lake:
    lake = Lake(root)
    for symbol in ("KRW-BTC", "KRW-ETH", "KRW-XRP"):
        for timeframe, width in (("1m", MINUTE), ("1h", HOUR)):
            sums = {"volume": width / MINUTE, "value": 100.0 * width / MINUTE}
            rows = make_candles([JANUARY + slot * width for slot in range(30)], symbol, **sums)
            lake.append(symbol, timeframe, rows, Spans([(JANUARY, JANUARY + 40 * width)]))
    lake.freeze("kept")
    return lake


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return make(tmp_path_factory.mktemp("sound") / "lake").root


@pytest.fixture
def root(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "lake")


@pytest.fixture
def marketkit(root, capsys):
    """Run a command of `marketkit lake`; gives the code, the output and the problems."""

    def run(*arguments):
        given = [each.format(root) for each in arguments]
        code = main(["lake", *given, "--lake", str(root)])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return run


def put(name, content=b"junk"):
    def spoil(root):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)

    return spoil


def copy_as(name):
    return lambda root: shutil.copy(root / CHUNK, root / ETH / name)


NAMES = [
    *(
        "._2024-01.parquet",
        ".DS_Store",
        ".2024-02.parquet.icloud",
        ".syncthing.2024-02.parquet.tmp",
    ),
    *(
        "_2024-01.parquet",
        "_SUCCESS",
        "2024-01.parquet~",
        "2024-02~.parquet",
        "2024-02.parquet.tmp",
    ),
    *("2024-01 (conflicted copy).parquet", "2024-02 (홍길동's conflicted copy 2026-11-20).parquet"),
    *("2024-02.sync-conflict-20261120-101010-ABCDEFG.parquet", "2024-02.parquet.icloud"),
]
ELSEWHERE = [
    *("candles/.DS_Store", "candles/source=upbit/._x", f"{MINUTES}/.DS_Store", f"{MINUTES}/x~"),
    *(f"{MINUTES}/series=KRW-ETH (conflicted copy)/2024-01.parquet", "lake (conflicted copy).json"),
    *("index (conflicted copy).sqlite", "snapshots/.DS_Store", f"snapshots/kept/{ETH}/._x.parquet"),
    *("revisions/.DS_Store", "markets/source=upbit/._2024-01-01.parquet"),
    "revisions/source=upbit/timeframe=1min/KRW-ETH (conflicted copy).ndjson",
]


@pytest.mark.parametrize("name", NAMES[::3])
def test_a_file_of_another_program_is_no_candle_file_and_audit_lists_it(root, marketkit, name):
    before = Lake(root).read(None, "1m")
    copy_as(name)(root)
    lake = Lake(root)
    assert lake.read(None, "1m").equals(before)
    assert lake.read("KRW-ETH", "1m").height == 30
    found = lake.audit().select("path", "finding").rows()
    assert found == [(f"{ETH}/{name}", "stray")]
    assert set(lake.repair()["action"]) == {"left"}
    assert (root / ETH / name).exists()
    code, out, err = marketkit("coverage")
    assert (code, err) == (0, "")
    assert "KRW-ETH" in out


def test_with_every_odd_name_at_once_every_command_does_as_without(root, marketkit):
    for name in NAMES:
        copy_as(name)(root)
    for name in ELSEWHERE:
        put(name)(root)
    (root / ETH / "folder.tmp").mkdir()
    for arguments in (*LOOKS, ["export", "{}.parquet"], *CHANGES):
        assert (arguments, marketkit(*arguments)[::2]) == (arguments, (0, ""))
    assert pl.read_parquet(f"{root}.parquet").height == 90
    code, out, _ = marketkit("audit", "--json")
    assert code == 1
    listed = {each["path"] for each in json.loads(out)}
    whole = {f"{ETH}/{name}" for name in NAMES} | set(ELSEWHERE) | {f"{ETH}/folder.tmp"}
    assert {each.partition(" (conflicted copy)/")[0] for each in listed} >= {
        each.removesuffix("/2024-01.parquet") if "copy)/" in each else each for each in whole
    }
    assert marketkit("repair")[0] == 0
    assert all((root / ETH / name).exists() for name in NAMES)


def test_a_series_beside_odd_names_is_written_and_dropped_and_they_stay(root):
    for name in NAMES:
        copy_as(name)(root)
    lake, later = Lake(root), JANUARY + 40 * MINUTE
    lake.append("KRW-ETH", "1m", make_candles([later], "KRW-ETH"), Spans([(later, later + MINUTE)]))
    assert lake.read("KRW-ETH", "1m").height == 31
    lake.drop("KRW-ETH", "1m")
    assert "KRW-ETH" not in lake.catalog().filter(timeframe="1m")["symbol"]
    assert sorted(each.name for each in (root / ETH).iterdir()) == sorted(NAMES)


def pointer(content):
    def spoil(root):
        (root / CHUNK).unlink()  # the frozen set has the same file
        (root / CHUNK).write_bytes(content)

    return spoil


def nowhere(root):
    (root / CHUNK).unlink()
    (root / CHUNK).symlink_to(".git/annex/objects/4d7a21")


def pipe(root):
    (root / CHUNK).unlink()
    os.mkfifo(root / CHUNK)


STAND_INS = {"LFS": pointer(POINTER), "annex": pointer(ANNEX), "a link": nowhere}
if hasattr(os, "mkfifo"):
    STAND_INS["a pipe"] = pipe


@pytest.mark.parametrize("kind", STAND_INS)
def test_what_stands_for_a_chunk_is_none_and_is_kept_when_a_chunk_is_written(root, marketkit, kind):
    STAND_INS[kind](root)
    lake = Lake(root)
    assert lake.covered("KRW-ETH", "1m") == Spans()
    assert set(lake.read(None, "1m")["symbol"]) == {"KRW-BTC", "KRW-XRP"}
    assert lake.audit().select("path", "finding").rows() == [(CHUNK, "stray")]
    for arguments in (*LOOKS[:8], ["freeze", "new"], *CARE):
        assert marketkit(*arguments)[0] == (1 if arguments == ["audit"] else 0)
    again = Spans([(JANUARY, JANUARY + MINUTE)])
    lake.append("KRW-ETH", "1m", make_candles([JANUARY], "KRW-ETH"), again)
    assert lake.read("KRW-ETH", "1m").height == 1
    assert len(list((root / "corrupt").rglob("2024-01.parquet*"))) <= 1
    assert any(os.path.lexists(each / CHUNK) for each in (root / "corrupt").iterdir())
    assert lake.audit().is_empty()


def a_bit(root):
    content = bytearray((root / CHUNK).read_bytes())
    content[60] ^= 4
    (root / CHUNK).unlink()
    (root / CHUNK).write_bytes(content)


def a_folder(root):
    (root / CHUNK).unlink()
    (root / CHUNK).mkdir()


def of_another(root):
    shutil.copy(root / CHUNK.replace("ETH", "BTC"), root / CHUNK)


DAMAGES = {
    "noise": put(CHUNK, bytes(range(256))),
    "nothing": put(CHUNK, b""),
    "a bit": a_bit,
    "a folder": a_folder,
    "another's": of_another,
    "a page of HTML": put(CHUNK, b"<html>" * 99),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_chunk_is_the_failure_of_its_symbol(root, marketkit, damage):
    DAMAGES[damage](root)
    for path in root.glob("index.sqlite*"):
        path.unlink()
    seen = {}
    for arguments in (*LOOKS[:8], ["export", "{}.parquet"], ["freeze", "new"]):
        code, out, err = marketkit(*arguments)
        seen[arguments[0]] = code
        if code == 3:
            assert "left out: KRW-ETH 1m:" in err
            assert CHUNK in err
            assert "marketkit lake repair" in err
            assert len(err.splitlines()) <= 2
        assert "KRW-BTC" in out or arguments[0] not in {"ls", "coverage", "sql"}
    assert {name for name, code in seen.items() if code == 3} >= {
        *("coverage", "calendar", "sql", "export", "freeze"),
    }
    assert set(seen.values()) <= {0, 3}
    assert set(pl.read_parquet(f"{root}.parquet")["symbol"]) == {"KRW-BTC", "KRW-XRP"}
    kept = Lake(root).as_of("new").catalog()
    assert set(kept.filter(timeframe="1m")["symbol"]) == {"KRW-BTC", "KRW-XRP"}
    assert kept.filter(timeframe="1h").height == 3


@pytest.mark.parametrize("damage", ["a bit", "a folder"])
def test_a_repair_makes_a_lake_with_a_damaged_chunk_whole_again(root, marketkit, damage):
    DAMAGES[damage](root)
    assert marketkit("audit")[0] == 1
    assert marketkit("repair")[0] == 0
    lake = Lake(root)
    assert set(lake.audit()["finding"]) <= {"snapshot"}  # a second name of the same bytes
    assert lake.missing("KRW-ETH", "1m", JANUARY, JANUARY + MINUTE)
    assert marketkit("ls")[0] == marketkit("coverage")[0] == marketkit("sql", QUERY)[0] == 0


def test_one_who_asks_for_the_damaged_series_is_told_and_one_who_asks_for_all_gets_the_rest(root):
    a_bit(root)
    lake = Lake(root)
    alone = (
        lambda: lake.read("KRW-ETH", "1m"),
        lambda: lake.scan("KRW-ETH", "1m").collect(),
        lambda: lake.coverage("KRW-ETH", "1m"),
        lambda: lake.calendar("KRW-ETH", "1m"),
        lambda: lake.latest("KRW-ETH", "1m", 300),
        lambda: lake.sql("select max(close) from candles_1m where symbol = 'KRW-ETH'"),
        lambda: lake.export(root / "one.csv", "KRW-ETH", "1m"),
    )
    for ask in alone:
        with pytest.raises(CorruptFile, match=r"(?s)KRW-ETH/2024-01\.parquet.*lake repair"):
            ask()
    everything = (
        lambda: lake.read(None, "1m"),
        lambda: lake.scan(None, "1m").collect(),
        lambda: lake.scan(None, "1m", fill="null").collect(),
        lambda: lake.coverage(None, "1m"),
        lambda: lake.coverage(["KRW-BTC", "KRW-ETH", "KRW-XRP"], "1m"),
        lambda: lake.calendar(None, "1m"),
        lambda: lake.latest(None, "1m", 300),
        lambda: lake.sql("select symbol from candles_1m"),
    )
    for ask in everything:
        with pytest.warns(Incomplete, match="KRW-ETH 1m"):
            assert set(ask()["symbol"]) == {"KRW-BTC", "KRW-XRP"}
    assert lake.read("KRW-ETH", "1h").height == 30
    assert "KRW-ETH" not in repr(lake)  # which reads no candle


def test_a_card_of_a_lake_shows_what_can_be_read_and_says_what_is_missing(root):
    put(CHUNK)(root)
    said = repr(Lake(root))
    assert "5 series" in said
    assert "without KRW-ETH 1m" in said
    assert CHUNK in said


@pytest.fixture(scope="module")
def exchange():
    with Sandbox(seed=1, now="2026-11-20T00:00:30Z", speed=1) as sandbox:
        yield sandbox


SPOILT = {
    "noise": lambda chunk: chunk.write_bytes(b"noise"),
    "LFS": lambda chunk: chunk.write_bytes(POINTER),
    "a copy": lambda chunk: shutil.copy(chunk, chunk.with_stem("2026-11 (conflicted copy)")),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_backfill_does_the_other_symbols(exchange, tmp_path, capsys, kind):
    wanted = ["backfill", "KRW-BTC", "KRW-ETH", "--timeframe", "1m", "--start"]
    where = ["--endpoint", exchange.endpoint, "--lake", str(tmp_path / "lake")]
    assert main([*wanted, "2026-11-19T23:00", "--end", "2026-11-19T23:30", *where]) == 0
    chunk = next((tmp_path / "lake" / ETH).glob("*.parquet"))
    SPOILT[kind](chunk)
    code = main([*wanted, "2026-11-19T23:00", "--end", "2026-11-19T23:50", *where])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    lake, span = Lake(tmp_path / "lake"), (1_795_129_200_000, 1_795_132_200_000)
    assert not lake.missing("KRW-BTC", "1m", *span)
    if kind == "noise":
        assert code == 3
        assert "KRW-ETH" in said.out + said.err
        assert "marketkit lake repair" in said.out + said.err
    else:
        assert code == 0
        assert not lake.missing("KRW-ETH", "1m", *span)


def only_for_its_owner(path):
    return lambda root: (root / path).chmod(0o700 if (root / path).is_dir() else 0o600)


def closed(path):
    return lambda root: (root / path).chmod(0)


def umask_077(root):
    shutil.rmtree(root)
    before = os.umask(0o077)
    try:
        make(root)
    finally:
        os.umask(before)


def a_series_under_umask_077(root):
    lake, before = Lake(root), os.umask(0o077)
    try:
        lake.append(
            "KRW-ADA",
            "1m",
            make_candles([JANUARY], "KRW-ADA"),
            Spans([(JANUARY, JANUARY + MINUTE)]),
        )
    finally:
        os.umask(before)


CLOSED = {
    "sound": lambda _root: None,
    "umask 077": umask_077,
    "a series under umask 077": a_series_under_umask_077,
    "a chunk": closed(CHUNK),
    "a series": closed(ETH),
    "a width": closed(MINUTES),
    "the candles": closed("candles"),
    "the mark": closed("lake.json"),
    "the index": closed("index.sqlite"),
    "the revisions": lambda root: ((root / "revisions").mkdir(), closed("revisions")(root)),
    "the lists": lambda root: ((root / "markets").mkdir(), closed("markets")(root)),
    "the sets": closed("snapshots"),
    "a manifest": closed("snapshots/kept/manifest.json"),
    "a recording": lambda root: (
        put("tape/channel=trade/x")(root),
        put("tape/journal.jsonl", b"")(root),
        closed("tape/channel=trade")(root),
    ),
    "the lake": closed(""),
}


@pytest.fixture(scope="module")
def told(sound):
    """How each command ended for somebody who is not the owner of these lakes."""
    if not hasattr(os, "geteuid"):
        pytest.skip("this system has no owners")
    program = Path(__file__).with_name("other_user.py")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment |= {"HOME": tempfile.gettempdir(), "PYTHONWARNINGS": "default"}
    with tempfile.TemporaryDirectory() as folder:  # pytest's own belong to its user alone
        Path(folder).chmod(0o777)
        lakes = {}
        for number, (name, close) in enumerate(CLOSED.items()):
            lakes[name] = shutil.copytree(sound, Path(folder) / f"lake{number}")
            for path in (lakes[name], *lakes[name].rglob("*")):
                path.chmod(0o777 if path.is_dir() else 0o666)
            close(lakes[name])
        warm = shutil.copytree(sound, Path(folder) / "warm")
        put(CHUNK)(warm)

        def commands(lake):
            return [
                ["lake", *(each.format(lake) for each in one), "--lake", str(lake)] for one in OTHER
            ]

        asked = {"before": commands(warm), "then": {n: commands(x) for n, x in lakes.items()}}
        done = subprocess.run(
            [sys.executable, str(program)],
            input=json.dumps(asked),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        for lake in lakes.values():
            for path in (lake, *lake.rglob("*")):
                with suppress(OSError):
                    path.chmod(0o777)
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", CLOSED)
def test_no_command_ends_in_a_traceback_whatever_may_not_be_read(told, name):
    for arguments, done in zip(OTHER, told[name], strict=True):
        assert done["code"] is not None, (arguments, done["err"])
        assert done["code"] in {0, 1, 2, 3}
        assert "Traceback" not in done["err"] + done["out"]


def ended(told, name):
    """Give the codes by command, and what was said of problems."""
    codes = {each[0]: done["code"] for each, done in zip(OTHER, told[name], strict=True)}
    return codes, {each[0]: done["err"] for each, done in zip(OTHER, told[name], strict=True)}


def test_a_sound_lake_of_another_user_is_one_like_any(told):
    assert set(ended(told, "sound")[0].values()) == {0}


@pytest.mark.parametrize("name", ["a series", "a series under umask 077", "a chunk"])
def test_a_series_that_may_not_be_read_costs_its_symbol(told, name):
    symbol = "KRW-ADA" if "umask" in name else "KRW-ETH"
    codes, errors = ended(told, name)
    for command in ("coverage", "calendar", "sql", "export", "freeze"):
        assert (command, codes[command]) == (command, 3)
        first, second = errors[command].splitlines()
        assert f"left out: {symbol} 1m:" in first
        assert "may not be read by this user: it belongs to" in first
        assert "marketkit lake repair" in second
    assert codes["audit"] == 1
    assert codes["repair"] == 0
    output = {each[0]: done["out"] for each, done in zip(OTHER, told[name], strict=True)}
    assert "KRW-BTC" in output["coverage"]
    assert f"series={symbol}" in output["repair"]
    assert "unreadable" in output["repair"]
    assert "left" in output["repair"]


@pytest.mark.parametrize("name", ["umask 077", "the lake", "the candles", "the mark"])
def test_a_lake_that_may_not_be_read_says_so_in_the_first_line(told, name):
    codes, errors = ended(told, name)
    for command in ("ls", "coverage", "sql", "gaps"):
        assert (command, codes[command]) == (command, 1)
        assert "may not be read by this user: it belongs to" in errors[command].splitlines()[0]
    assert codes["audit"] == 1
    assert codes["repair"] == 0


def test_of_a_width_that_may_not_be_read_the_others_are_given(told):
    codes, errors = ended(told, "a width")
    for command in ("ls", "du", "freeze"):
        assert (command, codes[command]) == (command, 3)
        assert "left out: all 1m:" in errors[command]


@pytest.mark.parametrize("name", ["the index", "the lists", "a recording"])
def test_what_is_not_needed_is_not_missed(told, name):
    codes, _ = ended(told, name)
    assert {codes[each[0]] for each in LOOKS[:-2]} == {0}
    assert codes["audit"] == 1


def test_a_repair_leaves_what_it_may_not_read_and_mends_the_rest(root, monkeypatch):
    """As root nothing is unreadable: here the system refuses one file by name."""
    put(CHUNK.replace("ETH", "XRP"))(root)
    real = Path.open

    def refusing(self, *given, **more):
        if self == root / CHUNK:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, *given, **more)

    monkeypatch.setattr(Path, "open", refusing)
    mended = Lake(root).repair()
    monkeypatch.undo()
    done = {
        (Path(path).parent.name, action) for path, action in mended.select("path", "action").rows()
    }
    assert {("series=KRW-XRP", "set aside"), ("series=KRW-ETH", "left")} <= done
    assert Lake(root).read("KRW-ETH", "1m").height == 30


def test_one_thing_that_cannot_be_mended_does_not_keep_the_others_from_it(root, monkeypatch):
    for symbol in ("ETH", "XRP"):
        put(CHUNK.replace("ETH", symbol))(root)
    real = os.rename

    def refusing(path, target):
        if Path(path) == root / CHUNK:
            raise PermissionError(1, "Operation not permitted", str(path))
        return real(path, target)

    monkeypatch.setattr(os, "rename", refusing)
    mended = Lake(root).repair()
    monkeypatch.undo()
    rows = {
        path: (action, detail)
        for path, action, detail in mended.select("path", "action", "detail").rows()
    }
    assert rows[CHUNK.replace("ETH", "XRP")][0] == "set aside"
    assert rows[CHUNK][0] == "left"
    assert "could not be mended" in rows[CHUNK][1]


def test_every_method_over_every_oddity_ends_in_an_answer_or_an_error_of_ours(root):
    for spoil in (*map(copy_as, NAMES), *map(put, ELSEWHERE), put(CHUNK)):
        spoil(root)
    lake = Lake(root)
    asks = (
        *(lake.catalog, lake.gaps, lake.revisions, lake.finality, lake.frozen, lake.audit),
        *(lake.coverage, lake.calendar, lake.latest, lambda: lake.read(None, "1m")),
        *(lake.universe.history, lake.universe.days, lambda: repr(lake)),
        *(lambda: lake.diff("kept"), lambda: lake.verify("kept"), lambda: lake.cite("kept")),
        *(lambda: lake.covered("KRW-ETH", "1m"), lambda: lake.nothing_before("KRW-ETH", "1m")),
        *(lambda: lake.freeze("new"), lambda: lake.publish("new"), lambda: lake.delete("new")),
        *(lambda: lake.thaw("kept", root.with_name("thawed")), lambda: lake.drop("KRW-XRP", "1m")),
        *(lambda: lake.repair(dry_run=True), lake.repair, lake.catalog),
    )
    for ask in asks:
        with suppress(MarketkitError, Incomplete):
            ask()
    assert set(lake.catalog()["symbol"]) == {"KRW-BTC", "KRW-ETH", "KRW-XRP"}
