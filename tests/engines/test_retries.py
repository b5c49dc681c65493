"""A message whose worker ends is done again as often as asked for, and no room for a worker is no end."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flwr.app import Message

from fedprune.engines.crew import EndedError, EngineError, NoRoomError
from fedprune.engines.crews.in_process import InProcess
from fedprune.engines.crews.processes import Processes
from fedprune.engines.grid import CrewGrid, open_grid
from fedprune.engines.lanes import LaneCrew
from fedprune.engines.process import WorkerProcess
from fedprune.federation.flower.private import CRASHED
from fedprune.types import Bounds

Query = Callable[..., Message]


def test_a_message_is_done_again_when_its_worker_ends_and_given_up_after_the_last_retry(
    query: Query, tmp_path: Path
) -> None:
    crew = LaneCrew(lambda: WorkerProcess("echo_app:app", {}), 2, retries=1)
    with CrewGrid(crew, 3) as grid:
        once, ever, none = grid.get_node_ids()
        messages = [
            query(once, "stumbles", file=str(tmp_path / "once")),
            query(ever, "dies", how="kill"),
            query(none, value=7),
        ]
        replies = grid.send_and_receive(messages)
    assert [reply.has_error() for reply in replies] == [False, True, False]
    assert replies[1].error.code == CRASHED
    assert replies[1].error.reason == "its worker process was killed by signal 9"


class Place:
    """A lane in a thread, for which there is room or not."""

    pid, alive = None, True

    def __init__(self, room: bool) -> None:
        self._room = room

    def load(self) -> None:
        if not self._room:
            # A cluster looks for minutes.
            time.sleep(0.05)
            raise NoRoomError("there is no room")

    def answer(self, request: bytes, nodes: int, bounds: Bounds) -> bytes:
        if request == b"ends":
            raise EndedError("it ended")
        return request

    def cpu_seconds(self, *, with_children: bool) -> float | None: ...

    def kill(self) -> None: ...

    def end(self) -> None: ...


def test_where_there_is_room_for_some_these_do_it_all() -> None:
    made = itertools.count()
    crew = LaneCrew(lambda: Place(room=next(made) == 0), 2)
    crew.wait()
    assert [crew.submit(b"%d" % each, 1, Bounds()).result(10) for each in range(9)] == [
        b"%d" % each for each in range(9)
    ]
    crew.close()


def test_where_there_is_no_room_at_all_that_is_told() -> None:
    crew = LaneCrew(lambda: Place(room=False), 2)
    with pytest.raises(EngineError, match="there is no room"):
        crew.wait()
    crew.close()


def test_a_message_that_ends_every_worker_fails_with_how_the_last_one_ended() -> None:
    crew = LaneCrew(lambda: Place(room=True), 2, retries=5)
    with pytest.raises(EndedError, match="it ended"):
        crew.submit(b"ends", 1, Bounds()).result(10)
    assert crew.submit(b"another", 1, Bounds()).result(10) == b"another"
    crew.close()


def test_who_took_longest_is_asked_first_and_who_was_never_asked_before_all(query: Query) -> None:
    with open_grid(Processes(1), client_app="echo_app:app", nodes=4) as grid:
        first, second, *_ = grid.get_node_ids()
        # Far more for the second than a busy machine adds to the first.
        grid.send_and_receive([query(first, "sleeps", seconds=0.0), query(second, "sleeps", seconds=3.0)])
        assert grid.longest_first([0, 1, 2, 3]) == [2, 3, 1, 0]


def test_where_nothing_is_measured_clients_keep_their_order() -> None:
    with open_grid(InProcess(), client_app="echo_app:app", nodes=3) as grid:
        assert grid.longest_first([2, 0, 1]) == [2, 0, 1]
