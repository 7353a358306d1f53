"""The handle of a recording: counts, what the disk did not take, and its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from marketkit.errors import NotWritable
from marketkit.net.engine import engine
from marketkit.realtime.handle import REGISTRY
from marketkit.realtime.subscriptions import Stream
from marketkit.recording.holes import UNSURE
from marketkit.recording.recorder import Recorder
from marketkit.recording.recording import Recording
from tests.unit.recording.conftest import START, trade


@pytest.fixture
def recording(dispatcher, tmp_path) -> Recording:
    """A recording of trades of two symbols."""
    streams = [Stream("trade", "KRW-BTC"), Stream("trade", "KRW-ETH")]

    async def begin() -> Recording:
        recorder = Recorder(dispatcher, streams, tmp_path)
        await recorder.start()
        return Recording(recorder)

    return engine().run(begin())


def on_loop(work: Callable[..., Any], *arguments: Any) -> None:
    """Do something where messages come."""

    async def there() -> None:
        work(*arguments)

    engine().run(there())


def test_it_says_what_came_and_where_it_goes(recording, dispatcher, tmp_path):
    on_loop(dispatcher.say, trade(1), trade(2), trade(3, symbol="KRW-ETH"))
    assert recording.counts == {"trade": 3}
    title = f"Recording trade of 2 symbols to {tmp_path}"
    assert repr(recording) == f"<{title}: recording, 3 messages>"
    recording.close()
    assert repr(recording) == f"<{title}: closed, 3 messages>"


def test_it_shows_its_folder_and_its_counts(recording, dispatcher, tmp_path):
    on_loop(dispatcher.say, trade(1))
    on_loop(dispatcher.break_off, "<reset>")
    text = recording._card().text()
    assert f"  folder       {tmp_path}" in text
    assert "  messages     1 trade" in text
    assert "  interrupted  once, last at " in text
    assert "&lt;reset&gt; (lasts)" in recording._repr_html_()
    recording.close()


def test_interruptions_have_an_end_when_messages_come_again(recording, dispatcher):
    on_loop(dispatcher.say, trade(1))
    dispatcher.now += 1000
    on_loop(dispatcher.break_off, "reset")
    assert recording.interruptions["end"].to_list() == [None]
    dispatcher.now += 2000
    on_loop(dispatcher.say, trade(2, dispatcher.now))
    (row,) = recording.interruptions.rows(named=True)
    assert row["reason"] == "reset"
    assert [row["start"].timestamp() * 1000, row["end"].timestamp() * 1000] == [
        START + 1000,
        START + 3003 + UNSURE,
    ]
    assert row["how"] is row["closed"] is None
    recording.close()


def test_it_is_registered_until_its_end_even_where_that_fails(recording, dispatcher, tmp_path):
    assert recording in list(REGISTRY)
    (tmp_path / "channel=trade/date=2026-11-20").write_text("in the way")
    on_loop(dispatcher.say, trade(1))
    with pytest.raises(NotWritable):
        recording.close()
    assert recording not in list(REGISTRY)
    assert isinstance(recording.failure, NotWritable)
    assert f"failed: {recording.failure}" in repr(recording)
    recording.close()  # what could not be put down is told once


def test_a_mistake_of_ours_ends_it_and_is_told(recording, dispatcher, monkeypatch):
    def stumble(*_: Any) -> None:
        raise ZeroDivisionError("of no use")

    monkeypatch.setattr(recording._recorder, "_write", stumble)
    on_loop(dispatcher.say, trade(1))
    on_loop(recording._recorder._full.set)
    engine().run(_ended(recording._recorder._task))
    assert isinstance(recording.failure, ZeroDivisionError)
    assert not dispatcher._subscriptions.in_use()
    monkeypatch.undo()
    recording.close()


async def _ended(task: Any) -> None:
    await task


def test_a_recording_to_which_nothing_came_says_so_at_its_end(recording):
    assert recording.unheard is None
    recording.close()
    assert "nothing has come" in str(recording.unheard)


def test_a_recording_that_heard_something_has_nothing_to_say(recording, dispatcher):
    on_loop(dispatcher.say, trade(1))
    recording.close()
    assert recording.unheard is None
