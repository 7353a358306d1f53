"""The sandbox's archive on real sockets: the same history as REST, and every fault by name."""

from __future__ import annotations

import hashlib
import io
import time
import zipfile

import httpx
import pytest

from marketkit.errors import InputError
from marketkit.sandbox import Sandbox
from marketkit.sandbox.control import moment
from marketkit.sandbox.faults import ARCHIVE_KINDS
from marketkit.sandbox.widths import DAY

FOLDER = "candle/KRW-BTC/daily/60m/2025"
STEM = "KRW-BTC_candle-60m_20250102"
KEY = f"{FOLDER}/{STEM}.zip"


class Archive:
    """What a client without any care sees."""

    def __init__(self, sandbox, web):
        self.base, self.web = sandbox.archive, web

    def get(self, key=KEY, **headers):
        """Fetch a file."""
        return self.web.get(f"{self.base}/{key}", headers=headers)

    def listing(self, folder=FOLDER):
        """List a folder: its entries by key."""
        answer = self.web.get(f"{self.base}/api/v1/market-data/listing", params={"prefix": folder})
        return {each["key"]: each for each in answer.json()}

    def members(self, key=KEY):
        """Fetch a zip, and unpack the texts in it."""
        with zipfile.ZipFile(io.BytesIO(self.get(key).content)) as packed:
            return {each: packed.read(each).decode() for each in packed.namelist()}

    def is_proved(self, key=KEY):
        """Say whether a zip is the one that its checksum is of."""
        return hashlib.sha256(self.get(key).content).hexdigest() == self.get(f"{key}.checksum").text


@pytest.fixture
def archive(exchange, web):
    """The archive of an exchange of the test's own."""
    return Archive(exchange, web)


def rows_of(members):
    (text,) = members.values()
    return [row.split(",") for row in text.splitlines()[1:]]


def test_rows_are_those_that_rest_answers_with(shelves, web):
    rows = rows_of(Archive(shelves, web).members())
    answer = web.get(
        f"{shelves.endpoint}/v1/candles/minutes/60",
        params={"market": "KRW-BTC", "to": "2025-01-03T00:00:00Z", "count": 24},
    ).json()
    names = ("opening_price", "high_price", "low_price", "trade_price", "candle_acc_trade_price")
    assert [row[0] for row in rows] == [each["candle_date_time_utc"] for each in answer[::-1]]
    assert [[float(number) for number in row[1:]] for row in rows] == [
        [each[name] for name in (*names, "candle_acc_trade_volume")] for each in answer[::-1]
    ]


def test_a_real_history_is_served_with_its_silent_minutes(shared, web):
    path = shared / "realdata" / "azuremooni_krw" / "DOGE_KRW_1m.csv"
    with Sandbox({"KRW-DOGE:1m": path}, speed=0) as exchange:
        archive = Archive(exchange, web)
        years = archive.listing("candle/KRW-DOGE/daily/1m")
        keys = [key for year in years for key in archive.listing(year) if key.endswith(".zip")]
        start = moment(f"{keys[0][-12:-8]}-{keys[0][-8:-6]}-{keys[0][-6:-4]}")
        truth = exchange.candles("KRW-DOGE", "1m", start, start + DAY)
        rows = rows_of(archive.members(keys[0]))
        assert [float(row[5]) for row in rows] == truth["value"].to_list()
        assert [float(row[4]) for row in rows] == truth["close"].to_list()


def test_zips_are_the_same_bytes_in_every_process_and_the_size_is_that_of_the_listing(web):
    seen = set()
    for _ in range(2):
        with Sandbox(now="2025-03-05T10:00", speed=0) as exchange:
            archive = Archive(exchange, web)
            body = archive.get().content
            assert len(body) == archive.listing()[KEY]["size"]
            seen.add(hashlib.sha256(body).hexdigest())
    assert len(seen) == 1


def test_files_come_as_zips_with_ranges_and_never_packed_again(shelves, web):
    answer = Archive(shelves, web).get(**{"Accept-Encoding": "gzip"})
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["accept-ranges"] == "bytes"
    assert "content-encoding" not in answer.headers
    part = Archive(shelves, web).get(Range="bytes=5-")
    assert (part.status_code, part.content) == (206, answer.content[5:])


@pytest.mark.parametrize("kind", ["403", "404"])
def test_a_listed_file_can_be_refused(archive, exchange, kind):
    exchange.strike(kind, path="archive", symbol=f"{STEM}.zip")
    assert KEY in archive.listing()
    assert archive.get(f"{KEY}.checksum").status_code == 200
    assert [archive.get().status_code for _ in range(2)] == [int(kind), 200]


def test_a_checksum_can_be_wrong(archive, exchange):
    exchange.strike("wrong-checksum", path="archive", symbol=STEM)
    assert not archive.is_proved()
    assert not archive.is_proved()  # it stays so
    exchange.strike("none")
    assert archive.is_proved()


def test_a_zip_can_be_cut_in_two_with_a_checksum_that_fits(archive, exchange):
    exchange.strike("truncated-zip", path="archive", symbol=STEM)
    assert archive.is_proved()
    with pytest.raises(zipfile.BadZipFile):
        archive.members()
    assert archive.listing()[KEY]["size"] == len(archive.get().content)


def test_the_sending_of_a_zip_can_break_off(archive, exchange):
    exchange.strike("truncate", path="archive", symbol="zip")
    with pytest.raises(httpx.RemoteProtocolError):
        archive.get()
    assert archive.is_proved()


def test_there_can_be_a_second_member(archive, exchange):
    exchange.strike("second-member", path="archive", symbol=STEM, value="evil/../x.csv")
    assert list(archive.members()) == [f"{STEM}.csv", "evil/../x.csv"]
    assert archive.is_proved()


def test_a_day_can_be_a_header_alone(archive, exchange):
    exchange.strike("header-only", path="archive", symbol=STEM)
    assert rows_of(archive.members()) == []
    assert archive.is_proved()


def test_a_republished_file_is_seen_in_the_listing_alone(archive, exchange):
    before, rows = archive.listing()[KEY], rows_of(archive.members())
    exchange.strike("republished", path="archive", symbol=STEM)
    after = archive.listing()[KEY]
    assert after["size"] != before["size"]
    assert after["lastModified"] > before["lastModified"]
    assert (
        sum(one != other for one, other in zip(rows, rows_of(archive.members()), strict=True)) == 1
    )
    assert archive.is_proved()


def test_the_server_can_be_slow(archive, exchange):
    size = archive.listing()[KEY]["size"]
    exchange.strike("slow", path="archive", symbol="zip", value=size * 4)
    began = time.monotonic()
    assert len(archive.get().content) == size
    assert time.monotonic() - began > 0.2


def test_ranges_need_not_be_offered(archive, exchange):
    exchange.strike("no-ranges", None, path="archive")
    answer = archive.get(Range="bytes=5-")
    assert answer.status_code == 200
    assert "accept-ranges" not in answer.headers


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("renamed-member", "../member.csv"),
        ("wrong-header", "acc_trade_volume,acc_trade_price\n"),
        ("rows-outside", "\n2025-01-03T00:00:00,"),
    ],
)
def test_files_can_be_others_than_they_should(archive, exchange, kind, seen):
    exchange.strike(kind, path="archive", symbol=STEM)
    ((name, text),) = archive.members().items()
    assert seen in name + text
    assert archive.is_proved()


def test_a_zip_can_be_a_bomb(archive, exchange):
    exchange.strike("zip-bomb", path="archive", symbol=STEM, value=2)
    assert len(next(iter(archive.members().values()))) > 2 << 20
    assert len(archive.get().content) < 20_000


def test_faults_without_a_name_strike_the_next_files_that_are_fetched(archive, exchange):
    other = KEY.replace("0102", "0103")
    exchange.strike("header-only", 1, path="archive")
    archive.listing()
    assert rows_of(archive.members(other)) == []
    assert len(rows_of(archive.members())) > 20
    assert exchange.stats()["faults"]["header-only"] == 1


def test_all_refusals_of_rest_are_there_too(archive, exchange):
    for kind, status in (("429", 429), ("418", 418), ("500", 500)):
        exchange.strike(kind, path="archive")
        assert archive.get().status_code == status
    exchange.strike("retry-after", path="archive", value="7")
    assert archive.get().headers["retry-after"] == "7"


@pytest.mark.parametrize("kind", ARCHIVE_KINDS)
def test_each_kind_is_felt_by_one_file_alone_and_forgotten(archive, exchange, kind):
    def seen(key):
        part, beside = archive.get(key, Range="bytes=3-"), archive.get(f"{key}.checksum")
        return part.status_code, part.content, beside.status_code, beside.content

    other = KEY.replace("0102", "0103")
    right = seen(KEY), seen(other)
    exchange.strike(kind, None, path="archive", symbol=STEM)
    assert (seen(KEY) != right[0], seen(other)) == (True, right[1])
    exchange.strike("none")
    assert (seen(KEY), seen(other)) == right
    assert exchange.stats()["faults"][kind] >= 1


def test_faults_are_set_over_http_and_noted_with_the_requests(archive, exchange, web):
    params = {"kind": "404", "path": "archive", "symbol": "checksum", "times": "always"}
    assert web.post(f"{exchange.endpoint}/sandbox/strike", params=params).status_code == 200
    archive.is_proved()
    latest = exchange.requests()[-2:]
    assert [(each["group"], each["status"], each["fault"]) for each in latest] == [
        ("archive", 200, None),
        ("archive", 404, "404"),
    ]
    params = {"kind": "403", "path": "ticker"}
    web.post(f"{exchange.endpoint}/sandbox/strike", params=params)
    assert web.get(f"{exchange.endpoint}/v1/ticker?markets=KRW-BTC").status_code == 200


def test_what_makes_no_sense_is_refused(exchange):
    with pytest.raises(InputError, match="unknown path"):
        exchange.strike("403", path="archives")
    with pytest.raises(InputError, match="no number"):
        exchange.strike("zip-bomb", path="archive", value="much")


def test_the_archive_of_every_market_for_years_is_listed_at_once(shelves, web):
    archive = Archive(shelves, web)
    markets = archive.listing("candle")
    assert len(markets) > 500
    for market in list(markets)[:20]:  # to make the zips of these would take minutes
        for year in archive.listing(f"{market}/monthly/1m"):
            assert all(each["size"] for each in archive.listing(year).values())
