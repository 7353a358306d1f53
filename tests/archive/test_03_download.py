"""Downloads from an archive on real sockets: verified, resumed, refused, one process at a time."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
import subprocess
import sys
import textwrap
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from marketkit.coverage import Spans
from marketkit.errors import Banned, InputError, Offline, Refused, Unreachable
from marketkit.exchange.upbit.archive.keys import Shelf
from marketkit.net.archive import sending
from marketkit.net.archive.archive import Archive
from marketkit.net.archive.basket import Basket
from marketkit.net.archive.download import Download
from marketkit.sandbox.control import moment
from marketkit.settings import archive_dir, budget_dir, resolve_archive
from marketkit.timeframe import TIMEFRAMES
from tests.waiting import PATIENCE

NOW = moment("2025-03-05T10:00")
HOURS = Shelf("KRW-BTC", TIMEFRAMES["1h"])
STEM = "KRW-BTC_candle-60m_202503"


@pytest.fixture(autouse=True)
def _accepted(monkeypatch):
    monkeypatch.setenv("MARKETKIT_ARCHIVE_TERMS", "accepted")
    monkeypatch.setattr(sending, "_FIRST_WAIT", 0.01)  # pauses that nobody has to wait for


@pytest.fixture
def basket(tmp_path):
    """An empty folder for zips."""
    return Basket(tmp_path / "zips")


def times(start="2025-03-01", end="2025-03-05"):
    return Spans([(moment(start), moment(end))])


@asynccontextmanager
async def opened(sandbox, **more):
    """An archive without pauses between attempts that a test would wait for."""
    archive = Archive(
        resolve_archive(sandbox.endpoint),
        budget_dir=budget_dir(),
        **{"back_off": 0.05, "timeout": 5.0} | more,
    )
    try:
        yield archive
    finally:
        await archive.close()


def run(sandbox, basket, wanted=None, *, keep=True, shelf=HOURS, largest=None, **more):
    """Download all files of wanted times: the fetched ones and the troubles."""

    async def main():
        async with opened(sandbox, **more) as archive:
            found = await archive.find(shelf, wanted or times(), NOW)
            options = {} if largest is None else {"largest": largest}
            async with Download(archive, found.files, basket, **options) as download:
                fetched = []
                async for each in download:
                    assert hashlib.sha256(each.path.read_bytes()).hexdigest() == each.sha256
                    fetched.append(each)
                    if not keep:
                        download.done(each)
            return fetched, download.troubles

    return asyncio.run(main())


def asked(sandbox, end=".zip"):
    """Name the files that were asked for, by the last digits of their dates."""
    return [each for each in sandbox.requests() if each["path"].endswith(end)]


def days(fetched):
    return [each.published.file.stem[-2:] for each in fetched]


ALL = ["01", "02", "03", "04"]


def test_files_come_verified_and_in_order(exchange, basket):
    fetched, troubles = run(exchange, basket)
    assert days(fetched) == ALL
    assert troubles == []
    for each in fetched:
        assert each.size == each.published.size == each.path.stat().st_size
        assert each.at == NOW // 1000 * 1000
        assert not each.reused


def test_zips_go_away_when_they_are_used_unless_they_are_kept(exchange, basket, tmp_path):
    run(exchange, basket, keep=False)
    assert list(tmp_path.rglob("*.zip")) == []
    assert not basket.folder.exists()
    kept = Basket(tmp_path / "kept", keeps=True)
    run(exchange, kept, keep=False)
    assert len(list(kept.lying())) == 4


def test_what_is_there_already_is_not_fetched_twice(exchange, basket):
    run(exchange, basket)
    before = len(asked(exchange))
    fetched, _ = run(exchange, basket)
    assert (days(fetched), all(each.reused for each in fetched)) == (ALL, True)
    assert len(asked(exchange)) == before
    path = fetched[0].path
    path.write_bytes(path.read_bytes()[:-1] + b"x")  # a bit that went wrong on this disk
    fetched, _ = run(exchange, basket)
    assert [each.reused for each in fetched] == [False, True, True, True]


def test_a_file_that_was_published_again_is_fetched_again(exchange, basket):
    (before, *_), _ = run(exchange, basket)
    exchange.strike("republished", path="archive", symbol=f"{STEM}01")
    (after, *others), _ = run(exchange, basket)
    assert (after.reused, {each.reused for each in others}) == (False, {True})
    assert after.published.modified > before.published.modified
    assert after.sha256 != before.sha256


@pytest.mark.parametrize("connections", [1, 3])
def test_no_more_requests_are_under_way_than_there_are_connections(exchange, basket, connections):
    exchange.strike("slow", None, path="archive", symbol="zip", value=5_000)  # 0.3 s a file
    began = time.monotonic()
    fetched, _ = run(exchange, basket, connections=connections)
    least = sum(each.size for each in fetched) / 5_000 / connections
    assert time.monotonic() - began > 0.9 * least


@pytest.mark.parametrize("connections", [0, 9, -1, True, "4", 2.0])
def test_a_number_of_connections_that_strains_or_is_none_is_refused(tmp_path, connections):
    with pytest.raises(InputError, match="from 1 to 8"):
        Archive(("http://a", "http://a"), budget_dir=tmp_path, connections=connections)


def test_a_wrong_checksum_has_the_file_fetched_once_more_and_then_left(exchange, basket):
    exchange.strike("wrong-checksum", path="archive", symbol=f"{STEM}02")
    fetched, (trouble,) = run(exchange, basket)
    assert days(fetched) == ["01", "03", "04"]
    assert (trouble.reason, trouble.published.file.stem) == ("mismatch", f"{STEM}02")
    assert f"{STEM}02.zip has the SHA-256" in trouble.said
    assert len([one for one in asked(exchange) if f"{STEM}02" in one["path"]]) == 2
    assert list(basket.folder.rglob("*.part")) == []
    exchange.strike("none")
    fetched, troubles = run(exchange, basket)
    assert (days(fetched), troubles) == (ALL, [])


def test_bytes_that_were_wrong_once_are_right_the_second_time(exchange, basket):
    exchange.strike("gzip-bomb", path="archive", symbol=f"{STEM}02.zip", value=0)
    fetched, troubles = run(exchange, basket)
    assert (days(fetched), troubles) == (ALL, [])


@pytest.mark.parametrize("status", ["403", "404"])
@pytest.mark.parametrize("what", [".zip", ".zip.checksum"])
def test_a_refusal_of_what_is_listed_ends_a_lane_and_the_others_do_the_rest(
    exchange, basket, status, what
):
    exchange.strike(status, None, path="archive", symbol=f"{STEM}02{what}")
    fetched, (trouble,) = run(exchange, basket)
    assert days(fetched) == ["01", "03", "04"]
    assert trouble.reason == "refused"
    assert f"refuses ({status}) /candle" in trouble.said
    assert "which its listing shows" in trouble.said
    hits = [one for one in asked(exchange, what) if f"{STEM}02" in one["path"]]
    assert len(hits) == 1  # nobody insists


def test_refusals_of_everything_end_the_download_without_a_storm(exchange, basket):
    exchange.strike("403", None, path="archive", symbol="zip")
    fetched, troubles = run(exchange, basket, connections=2)
    assert fetched == []
    assert [each.reason for each in troubles] == ["refused", "refused", "not asked", "not asked"]
    assert len(asked(exchange)) == 2


def test_a_refused_listing_is_said_and_not_taken_for_nothing(exchange, basket):
    exchange.strike("403", None, path="archive", symbol="listing")
    with pytest.raises(Refused, match=r"refuses .403. the listing"):
        run(exchange, basket)


def test_all_wait_for_as_long_as_the_archive_asks(exchange, basket):
    exchange.strike("retry-after", path="archive", symbol="zip", value="1")
    began = time.monotonic()
    fetched, troubles = run(exchange, basket, connections=1)
    assert time.monotonic() - began > 1.0
    assert (days(fetched), troubles) == (ALL, [])
    arrivals = [one["arrival"] for one in exchange.requests() if ".zip" in one["path"]]
    assert max(b - a for a, b in itertools.pairwise(arrivals)) > 0.99


def test_a_long_silence_ends_the_download_and_is_remembered_by_every_process(exchange, basket):
    exchange.strike("retry-after", path="archive", symbol=f"{STEM}02.zip", value="3600")
    fetched, troubles = run(exchange, basket, connections=1)
    assert days(fetched) == ["01"]
    # Which of them was told, and which only saw that, is for the event loop to say.
    assert sorted(each.reason for each in troubles) == ["not asked", "not asked", "refused"]
    assert all("silence" in each.said for each in troubles)
    before = len(exchange.requests())
    with pytest.raises(Banned, match="nothing is sent to it before"):
        run(exchange, basket)
    assert len(exchange.requests()) == before


@pytest.mark.parametrize("kind", ["429", "500", "reset", "truncate", "html"])
def test_what_passes_is_asked_again(exchange, basket, kind):
    exchange.strike(kind, 2, path="archive", symbol="zip" if kind != "html" else "checksum")
    fetched, troubles = run(exchange, basket)
    assert (days(fetched), troubles) == (ALL, [])


def test_a_broken_body_goes_on_where_it_ended_if_ranges_are_offered(exchange, basket):
    exchange.strike("truncate", path="archive", symbol=f"{STEM}02.zip")
    fetched, troubles = run(exchange, basket)
    assert (days(fetched), troubles) == (ALL, [])
    first, second = (one for one in asked(exchange) if f"{STEM}02" in one["path"])
    size = fetched[1].size
    assert (first.get("range"), second["range"]) == (None, f"bytes={size // 2}-")


def test_without_an_offer_of_ranges_it_begins_anew(exchange, basket):
    exchange.strike("no-ranges", None, path="archive")
    exchange.strike("truncate", path="archive", symbol=f"{STEM}02.zip")
    fetched, troubles = run(exchange, basket)
    assert (days(fetched), troubles) == (ALL, [])
    assert not any(one.get("range") for one in exchange.requests())


def test_a_part_of_another_version_is_never_gone_on_with(exchange, basket):
    exchange.strike("truncate", None, path="archive", symbol=f"{STEM}02.zip")
    _, (trouble,) = run(exchange, basket)
    assert trouble.reason == "failed"
    assert len(list(basket.folder.rglob("*.part"))) == 1
    exchange.strike("none")
    exchange.strike("republished", path="archive", symbol=f"{STEM}02")
    fetched, troubles = run(exchange, basket)
    assert (days(fetched), troubles) == (ALL, [])
    assert not any(one.get("range") for one in asked(exchange)[-1:])
    assert list(basket.folder.rglob("*.part")) == []


def test_a_body_without_end_is_cut_off(exchange, basket):
    exchange.strike("endless-body", None, path="archive", symbol=f"{STEM}02.zip")
    fetched, (trouble,) = run(exchange, basket)
    assert days(fetched) == ["01", "03", "04"]
    assert "more than" in trouble.said
    assert list(basket.folder.rglob("*.part")) == []


def test_a_file_that_is_larger_than_allowed_is_not_asked_for(exchange, basket):
    fetched, troubles = run(exchange, basket, largest=100)
    assert fetched == []
    assert {each.reason for each in troubles} == {"too large"}
    assert asked(exchange) == []


def test_an_archive_that_is_away_ends_the_download(exchange, basket):
    async def main():
        async with opened(exchange) as archive:
            found = await archive.find(HOURS, times("2025-01-02"), NOW)
            exchange.close()
            async with Download(archive, found.files, basket) as download:
                fetched = [each async for each in download]
            return fetched, download.troubles, found.files

    fetched, troubles, files = asyncio.run(main())
    assert fetched == []
    assert len(troubles) == len(files)
    assert {each.reason for each in troubles} <= {"failed", "not asked"}


def test_of_all_faults_at_once_each_is_named_and_a_second_run_repairs(exchange, basket):
    wanted = times("2025-02-01", "2025-03-05")
    exchange.strike("unlisted", path="archive", symbol="KRW-BTC_candle-60m_202502")
    faults = {"03": "403", "07": "404", "11": "wrong-checksum", "15": "truncate"}
    for day, kind in faults.items():
        name = f"KRW-BTC_candle-60m_202502{day}"
        exchange.strike(kind, None, path="archive", symbol=name + ".zip" * (kind in "404 403"))
    for kind, name in (("slow", "20250219"), ("500", "20250220"), ("429", "20250221")):
        exchange.strike(kind, path="archive", symbol=f"KRW-BTC_candle-60m_{name}.zip")
    for kind in ("second-member", "truncated-zip", "header-only"):  # for who unpacks to tell
        exchange.strike(kind, path="archive", symbol="KRW-BTC_candle-60m_20250225")
    exchange.strike("no-ranges", None, path="archive", symbol="zip")
    fetched, troubles = run(exchange, basket, wanted)
    assert {each.published.file.stem[-2:]: each.reason for each in troubles} == {
        "03": "refused", "07": "refused", "11": "mismatch", "15": "failed",
    }  # fmt: skip
    assert len(fetched) == 32 - 4
    exchange.strike("none")
    exchange.strike("unlisted", path="archive", symbol="KRW-BTC_candle-60m_202502")
    before = len(asked(exchange))
    fetched, troubles = run(exchange, basket, wanted)
    assert (len(fetched), troubles) == (32, [])
    again = {each["path"][-6:-4] for each in asked(exchange)[before:]}
    assert again == {*faults, "25"}  # and the one that is another without its faults


def test_offline_nothing_is_asked_for(exchange, basket):
    with pytest.raises(Offline):
        run(exchange, basket, offline=True)
    with pytest.raises(Unreachable):
        asyncio.run(_nobody())


async def _nobody():
    archive = Archive(("http://127.0.0.1:9/a", "http://127.0.0.1:9/a"), budget_dir=budget_dir())
    try:
        await archive.find(HOURS, times(), NOW)
    finally:
        await archive.close()


def test_what_was_not_accepted_is_not_fetched(exchange, basket, monkeypatch):
    monkeypatch.delenv("MARKETKIT_ARCHIVE_TERMS")
    with pytest.raises(InputError, match="to download is to consent"):
        run(exchange, basket)
    assert asked(exchange) == []


def test_who_stops_iterating_leaves_nothing_under_way(exchange, basket):
    async def main():
        async with opened(exchange) as archive:
            found = await archive.find(HOURS, times(), NOW)
            async with Download(archive, found.files, basket) as download:
                async for _ in download:
                    break
            assert [
                each for each in asyncio.all_tasks() if each is not asyncio.current_task()
            ] == []

    asyncio.run(main())
    count = len(asked(exchange))
    time.sleep(0.2)
    assert len(asked(exchange)) == count


def test_no_more_is_fetched_ahead_than_two_files_a_connection(exchange, basket):
    async def main():
        async with opened(exchange, connections=2) as archive:
            wanted = Shelf("KRW-BTC")
            found = await archive.find(wanted, times("2025-02-01"), NOW)
            async with Download(archive, found.files, basket) as download:
                first = await anext(download)
                await asyncio.sleep(1.5)
                return first, len(list(basket.lying()))

    first, lying = asyncio.run(main())
    assert first.published.file.stem == "KRW-BTC_trade_20250201"
    assert lying <= 5


PROGRAM = textwrap.dedent("""
    import asyncio, sys
    from marketkit.coverage import Spans
    from marketkit.exchange.upbit.archive.keys import Shelf
    from marketkit.net.archive.archive import Archive
    from marketkit.net.archive.basket import Basket
    from marketkit.net.archive.download import Download
    from marketkit.settings import archive_dir, budget_dir, resolve_archive
    from marketkit.timeframe import TIMEFRAMES, parse_time

    async def main():
        addresses = resolve_archive(sys.argv[1])
        archive = Archive(addresses, budget_dir=budget_dir())
        wanted = Spans([(parse_time("2025-03-01"), parse_time("2025-03-05"))])
        shelf = Shelf("KRW-BTC", TIMEFRAMES["1h"])
        found = await archive.find(shelf, wanted, parse_time("2025-03-05T10:00"))
        basket = Basket(archive_dir(addresses[1]))
        async with Download(archive, found.files, basket) as download:
            print("begun", flush=True)
            async for each in download:
                print(each.published.file.stem, flush=True)
        await archive.close()

    asyncio.run(main())
""")


def started(exchange):
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, exchange.endpoint], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout.readline() == "begun\n"
    return program


def test_a_killed_process_loses_no_finished_file_and_no_part(exchange):
    exchange.strike("slow", path="archive", symbol=f"{STEM}03.zip", value=20)
    program = started(exchange)
    assert [program.stdout.readline().strip()[-2:] for _ in range(2)] == ["01", "02"]
    folder, ends = archive_dir(exchange.archive), time.monotonic() + PATIENCE
    while not (
        list(folder.rglob("*04.zip"))
        and any(part.stat().st_size for part in folder.rglob("*03.zip.*.part"))
    ):
        assert time.monotonic() < ends
        time.sleep(0.02)
    program.kill()
    program.communicate()
    before = len(asked(exchange))
    fetched, troubles = run(exchange, Basket(folder))
    assert (days(fetched), troubles) == (ALL, [])
    assert [each.reused for each in fetched] == [True, True, False, True]
    (again,) = asked(exchange)[before:]
    assert f"{STEM}03" in again["path"]
    assert again["range"].startswith("bytes=")


@pytest.mark.slow
def test_kills_at_many_moments_never_have_a_finished_file_fetched_again(exchange):
    exchange.strike("slow", None, path="archive", symbol="zip", value=4_000)  # 0.3 s a file
    folder, chance = archive_dir(exchange.archive), random.Random(3)
    finished: set[str] = set()
    for _ in range(12):
        before = len(asked(exchange))
        program = started(exchange)
        time.sleep(chance.uniform(0, 0.5))
        program.kill()
        program.communicate()
        again = {each["path"].removeprefix("/archive/") for each in asked(exchange)[before:]}
        assert not again & finished
        finished = set(Basket(folder).lying())
    exchange.strike("none")
    fetched, troubles = run(exchange, Basket(folder))
    assert (days(fetched), troubles) == (ALL, [])
    assert {each.published.key for each in fetched if each.reused} == finished
    assert list(folder.rglob("*.part")) == []


def test_one_process_of_the_machine_downloads_at_a_time(exchange, basket):
    said = []

    async def main():
        async with opened(exchange) as archive:
            found = await archive.find(HOURS, times(), NOW)
            other = FileLock(archive.lock)
            other.acquire()
            asyncio.get_running_loop().call_later(0.5, other.release)
            began = time.monotonic()
            async with Download(archive, found.files, basket, say=said.append) as download:
                waited = time.monotonic() - began
                assert not asked(exchange)
                return waited, [each async for each in download]

    waited, fetched = asyncio.run(main())
    assert waited > 0.4
    assert days(fetched) == ALL
    assert said == ["waiting for another process, which downloads from the archive", ""]


def test_a_wait_for_another_process_can_be_cancelled(exchange, basket):
    async def main():
        async with opened(exchange) as archive:
            with FileLock(archive.lock), pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3), Download(archive, [], basket):
                    pass
            async with Download(archive, [], basket) as download:
                assert [each async for each in download] == []

    asyncio.run(main())


def test_keys_that_lead_out_of_the_folder_cannot_be_written(basket):
    from marketkit.errors import BadResponse

    for key in ("../x.zip", "/etc/x.zip", "a/../../x.zip"):
        with pytest.raises(BadResponse):
            basket.whole(key)
    assert isinstance(basket.folder, Path)
