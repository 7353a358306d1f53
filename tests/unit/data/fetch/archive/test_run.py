"""What the archive gave is told in few lines, and troubles first."""

from __future__ import annotations

from marketkit.coverage import Spans
from marketkit.data.fetch.archive.run import ArchiveRun, LeftFile, MonthCheck
from marketkit.data.lake.format.provenance import Check

DAY = 86_400_000


def test_times_to_skip_add_up():
    run = ArchiveRun()
    run.leave("KRW-BTC", Spans([(0, 5)]))
    run.leave("KRW-BTC", Spans([(5, 9)]))
    run.leave("KRW-ETH", Spans())
    assert run.skip == {"KRW-BTC": Spans([(0, 9)]), "KRW-ETH": Spans()}


def test_files_and_pages_are_counted():
    run = ArchiveRun(files=12, bytes=15_000_000, requests=30, again=1)
    run.checks = [MonthCheck("KRW-BTC", Check(0, DAY, 5, 200, 0, None))]
    first, second = run.lines()
    assert first == "  archive: 12 files, 1 of them published again, 15.0 MB in 30 requests"
    assert second == "  compared with REST: 200 slots in 1 pages, 0 differ"


def test_a_slot_that_differs_is_told_with_its_time():
    run = ArchiveRun(checks=[MonthCheck("KRW-BTC", Check(0, DAY, 5, 200, 3, 60_000))])
    assert run.differing == 3
    assert "KRW-BTC: 3 of 200 slots DIFFER from REST, the first at 1970-01-01T00:01:00Z" in (
        "\n".join(run.lines())
    )


def test_many_troubles_are_told_in_part():
    run = ArchiveRun(
        troubles=[LeftFile("KRW-BTC", f"{n}.zip", f"{n}.zip is bad") for n in range(50)]
    )
    lines = run.lines()
    assert "  NOT TAKEN: 0.zip is bad" in lines
    assert lines[-1] == "  and 30 more"
    assert len(lines) == 22


def test_programs_get_plain_values():
    run = ArchiveRun(files=1, troubles=[LeftFile("KRW-BTC", "a.zip", "a.zip is bad")])
    assert run.as_dict() == {
        "files": 1,
        "published_again": 0,
        "bytes": 0,
        "requests": 0,
        "not_taken": {"a.zip": "a.zip is bad"},
        "notes": [],
        "compared": 0,
        "differing": 0,
    }
