"""The sender judges answers: data, absence, refusal, later, never."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.errors import (
    BadResponse,
    Banned,
    InputError,
    NetworkError,
    Offline,
    RateLimited,
    Refused,
    ServerFailed,
    TimedOut,
)
from marketkit.exchange.upbit.archive.listing import file_request
from marketkit.net.archive.lanes import Lanes, LanesEnded
from marketkit.net.archive.sending import Sender, checked_bytes, refused, within
from marketkit.net.budget.ban import Ban

REQUEST = file_request("a.zip")


@pytest.fixture
def ask(server, tmp_path):
    """Ask a server of raw answers: what came of it, the heads of the requests, and the lanes."""

    def run(*answers, many=2, **more):
        async def main():
            lanes, exchange = Lanes(many, back_off=0.001), server({"/a.zip": list(answers)})
            async with exchange.running() as address:
                ban = Ban(tmp_path / "x.ban", host="the archive", reason="wants silence")
                sender = Sender(address, lanes, ban, timeout=5.0, **more)
                try:
                    result = await sender.ask(REQUEST, _body)
                except Exception as failure:  # noqa: BLE001 - the test looks
                    result = failure
                finally:
                    await sender.close()
            return result, exchange.heads, lanes, sender

        return asyncio.run(main())

    return run


async def _body(answer):
    return answer.status_code, await answer.aread()


def test_data_is_given_and_nothing_is_sent_packed(ask, answer):
    result, heads, _, sender = ask(answer(b"data"))
    assert result == (200, b"data")
    assert "accept-encoding: identity" in heads[0].lower()
    assert "user-agent: marketkit/" in heads[0].lower()
    assert (sender.requests, sender.bytes, sender.ranges) == (1, 4, False)


def test_an_offer_of_ranges_is_noted(ask, answer):
    *_, sender = ask(answer(b"data", headers="Accept-Ranges: bytes\r\n"))
    assert sender.ranges
    *_, sender = ask(answer(b"data", headers="Accept-Ranges: none\r\n"))
    assert not sender.ranges


@pytest.mark.parametrize("status", [403, 404])
def test_absence_is_for_who_asked_to_judge(ask, answer, status):
    result, heads, lanes, _ = ask(answer(b"<Error/>", status))
    assert (result[0], len(heads), lanes.left) == (status, 1, 2)
    assert refused(REQUEST, status).status == status


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, RateLimited), (500, ServerFailed), (503, ServerFailed), (408, ServerFailed)],
)
def test_what_may_pass_is_asked_for_five_times(ask, answer, status, kind):
    result, heads, lanes, _ = ask(answer(b"", status))
    assert type(result) is kind
    assert (len(heads), lanes.left) == (5, 2)
    result, heads, *_ = ask(answer(b"", status), answer(b"data"))
    assert (result, len(heads)) == ((200, b"data"), 2)


def test_a_body_that_was_cut_is_asked_for_again(ask, answer):
    result, heads, *_ = ask(answer(b"da", length=4), answer(b"data"))
    assert (result, len(heads)) == ((200, b"data"), 2)
    result, *_ = ask(answer(b"da", length=4))
    assert isinstance(result, NetworkError)


def test_a_connection_that_is_silent_is_given_up(ask, answer):
    result, heads, *_ = ask(b"")
    assert isinstance(result, NetworkError)
    assert len(heads) == 5


@pytest.mark.parametrize("status", [301, 302, 400, 401, 451])
def test_any_other_answer_is_a_refusal_that_ends_a_lane(ask, answer, status):
    result, heads, lanes, _ = ask(answer(b"", status, "Location: http://elsewhere/\r\n"))
    assert (type(result), result.status, len(heads), lanes.left) == (Refused, status, 1, 1)


def test_an_answer_that_came_packed_is_none(ask, answer):
    result, *_ = ask(answer(b"x", headers="Content-Encoding: gzip\r\n"))
    assert isinstance(result, BadResponse)


def test_a_ban_is_remembered_and_ends_all(ask, answer):
    result, heads, *_ = ask(answer(b"", 418, "Retry-After: 90\r\n"))
    assert (type(result), len(heads)) == (Banned, 1)
    result, heads, *_ = ask(answer(b"data"))
    assert (type(result), heads) == (Banned, [])
    assert "wants silence: nothing is sent" in str(result)


def test_a_silence_of_a_minute_is_kept_and_a_longer_one_ends_all_lanes(ask, answer):
    result, heads, lanes, _ = ask(answer(b"", 429, "Retry-After: 0.2\r\n"), answer(b"data"))
    assert (result, len(heads)) == ((200, b"data"), 2)
    result, heads, lanes, _ = ask(answer(b"", 503, "Retry-After: 61\r\n"))
    assert (type(result), len(heads), lanes.left) == (Banned, 1, 0)


def test_offline_nothing_is_sent(ask, answer):
    result, heads, *_ = ask(answer(b"data"), offline=True)
    assert (type(result), heads) == (Offline, [])


def test_without_a_lane_nothing_is_sent(ask, answer, tmp_path):
    async def main():
        lanes = Lanes(1)
        lanes.end("over")
        sender = Sender("http://127.0.0.1:9", lanes, Ban(tmp_path / "b", host="x"), timeout=1.0)
        with pytest.raises(LanesEnded, match="over"):
            await sender.ask(REQUEST, _body)
        assert sender.requests == 0

    asyncio.run(main())


def test_a_whole_body_has_its_time():
    async def main():
        async with within(1.0, "/a.zip"):
            pass
        with pytest.raises(TimedOut, match=r"/a.zip was not there after"):
            async with within(0.01, "/a.zip"):
                await asyncio.sleep(1)
        with pytest.raises(TimedOut, match="own"):
            async with within(1.0, "/a.zip"):
                raise TimedOut("own")

    asyncio.run(main())


@pytest.mark.parametrize("most", [0, -1, True, 1.5, "9"])
def test_a_bound_that_is_no_number_of_bytes_is_refused(most):
    with pytest.raises(InputError, match="largest="):
        checked_bytes("largest", most)
    assert checked_bytes("largest", 5) == 5
