"""An actor that shows its token comes to a socket with the driver; nobody else does."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from fedprune.engines import meeting
from fedprune.engines.channel import receive_frame, send_frame
from fedprune.engines.meeting import Meeting, called


@pytest.fixture
def expected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Meeting]:
    """A meeting on loopback, of little patience."""
    monkeypatch.setattr(meeting, "_SECONDS_TO_CALL", 0.5)
    monkeypatch.setattr(meeting, "_SECONDS_TO_SHOW", 0.1)
    opened = Meeting("127.0.0.1")
    yield opened
    opened.close()


def test_frames_go_both_ways_once_the_token_was_shown(expected: Meeting) -> None:
    actor = called(expected.place)
    driver = expected.met()
    assert actor is not None
    assert driver is not None
    with actor, driver:
        send_frame(driver, 7, b"an order")
        assert receive_frame(actor) == (7, b"an order")
        send_frame(actor, 1, b"a reply")
        assert receive_frame(driver) == (1, b"a reply")


def test_whoever_shows_another_token_or_none_is_turned_away_and_the_actor_still_let_in(
    expected: Meeting,
) -> None:
    place = expected.place
    wrong = called(replace(place, token=bytes(len(place.token))))
    silent = socket.create_connection((place.host, place.port))
    actor, driver = called(place), expected.met()
    assert wrong is not None
    assert actor is not None
    assert driver is not None
    with wrong, silent, actor, driver:
        for stranger in (wrong, silent):
            stranger.settimeout(1)
            assert stranger.recv(1) == b""
        send_frame(actor, 1, b"here")
        assert receive_frame(driver) == (1, b"here")


def test_nobody_is_waited_for_forever(expected: Meeting) -> None:
    assert expected.met() is None


def test_a_place_that_cannot_be_reached_is_no_error(expected: Meeting) -> None:
    expected.close()
    assert called(expected.place) is None
