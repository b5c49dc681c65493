"""Lost, hung and orphaned workers: each costs the message it held, and nothing stays behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from flwr.app import Message

from fedprune.engines import vigil
from fedprune.engines.crew import EngineError
from fedprune.engines.crews.in_process import InProcess
from fedprune.engines.crews.processes import Processes
from fedprune.engines.grid import CrewGrid, open_grid
from fedprune.federation.flower.private import CRASHED, LATE, node_of
from fedprune.types import Bounds

Query = Callable[..., Message]

DRIVER = """
import signal
import sys
from flwr.app import ConfigRecord, Message, RecordDict
from fedprune.engines.crews.processes import Processes
from fedprune.engines.grid import open_grid

# A shell that starts tests in the background has them ignore interrupts, as would their children.
signal.signal(signal.SIGINT, signal.default_int_handler)
with open_grid(Processes(2), client_app="echo_app:app", nodes=2) as grid:
    def message(node):
        config = ConfigRecord({"seconds": 60.0, "file": f"{sys.argv[1]}/{node}"})
        return Message(RecordDict({"config": config}), node, "query.sleeps")

    grid.send_and_receive(map(message, grid.get_node_ids()))
"""


def wait_for(happened: Callable[[], object], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("how", "words"), [("exit", "ended with status 7"), ("kill", "was killed by signal 9")]
)
def test_a_worker_that_dies_costs_the_message_it_held_and_is_replaced(
    grid: CrewGrid, query: Query, how: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    ways = ["", how, "", "", how, "", ""]
    replies = grid.send_and_receive(
        [query(node_of(place % 5), "dies", how=way) for place, way in enumerate(ways)]
    )
    assert [reply.has_error() for reply in replies] == [bool(way) for way in ways]
    assert replies[1].error.code == CRASHED
    assert words in str(replies[1].error.reason)
    assert f"client 1 failed: its worker process {words}" in caplog.messages
    assert len(grid.worker_pids) == 2


def test_workers_that_die_at_the_same_moment_each_cost_their_message(
    grid: CrewGrid, query: Query, tmp_path: Path
) -> None:
    files = [tmp_path / "first", tmp_path / "second"]

    def kill_both_at_work() -> None:
        while not all(file.exists() and file.read_text() for file in files):
            time.sleep(0.01)
        for file in files:
            os.kill(int(file.read_text()), signal.SIGKILL)

    sleepers = [
        query(node_of(client), "sleeps", seconds=60.0, file=str(file)) for client, file in enumerate(files)
    ]
    killer = threading.Thread(target=kill_both_at_work, daemon=True)
    killer.start()
    replies = grid.send_and_receive([*sleepers, *(query(node_of(client)) for client in (2, 3, 4))])
    killer.join()
    assert [reply.error.code for reply in replies if reply.has_error()] == [CRASHED, CRASHED]
    assert [reply.has_error() for reply in replies] == [True, True, False, False, False]


def test_a_worker_killed_from_outside_costs_one_message(grid: CrewGrid, query: Query, tmp_path: Path) -> None:
    def messages() -> list[Message]:
        sleeper = query(node_of(0), "sleeps", seconds=30.0, file=str(tmp_path / "pid"))
        killer = query(node_of(1), "kills", file=str(tmp_path / "pid"))
        return [sleeper, killer, *(query(node_of(client)) for client in (2, 3, 4))]

    replies = grid.send_and_receive(messages())
    assert [reply.has_error() for reply in replies] == [True, False, False, False, False]


def test_a_worker_that_dies_between_two_exchanges_costs_nothing(grid: CrewGrid, query: Query) -> None:
    grid.send_and_receive([query(node_of(client)) for client in range(5)])
    victim = grid.worker_pids[0]
    os.kill(victim, signal.SIGKILL)
    # Its main thread may be gone while others still end; only when all are can the pool tell.
    os.waitid(os.P_PID, victim, os.WEXITED | os.WNOWAIT)
    replies = grid.send_and_receive([query(node_of(client)) for client in range(5)])
    assert not any(reply.has_error() for reply in replies)


def test_hung_clients_are_late_and_the_next_exchange_is_whole(grid: CrewGrid, query: Query) -> None:
    grid.send_and_receive([query(node_of(0))])
    start = time.monotonic()
    # The last one is late whether or not a new worker begins with it in time.
    seconds = [0.0, 60.0, 0.0, 60.0, 60.0]
    replies = grid.send_and_receive(
        [query(node_of(place), "sleeps", seconds=each) for place, each in enumerate(seconds)], timeout=0.7
    )
    assert time.monotonic() - start < 3
    assert not replies[0].has_error()
    assert not replies[2].has_error()
    assert [reply.error.code for reply in replies if reply.has_error()] == [LATE] * 3
    assert "no reply within 0.7 s" in str(replies[1].error.reason)
    again = grid.send_and_receive([query(node_of(client)) for client in range(5)])
    assert not any(reply.has_error() for reply in again)


def test_a_stopped_worker_is_bounded_by_the_timeout_of_the_grid(query: Query) -> None:
    with open_grid(Processes(1), client_app="echo_app:app", nodes=1, timeout=0.5) as grid:
        grid.send_and_receive([query(node_of(0))])
        os.kill(grid.worker_pids[0], signal.SIGSTOP)
        start = time.monotonic()
        # More than any socket buffer holds, so that sending it cannot complete.
        (reply,) = grid.send_and_receive([query(node_of(0), blob=bytes(20_000_000))], timeout=3600)
        assert reply.error.code == LATE
        assert time.monotonic() - start < 3


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are suspected after half a second of doing nothing."""
    monkeypatch.setattr(vigil, "HUNG_S", 0.5)
    monkeypatch.setattr(vigil, "LOOK_S", 0.1)


@pytest.mark.usefixtures("impatient")
def test_a_stopped_worker_costs_the_message_it_held_without_any_limit(query: Query) -> None:
    with open_grid(Processes(1), client_app="echo_app:app", nodes=2) as grid:
        grid.send_and_receive([query(node_of(0))])
        os.kill(grid.worker_pids[0], signal.SIGSTOP)
        blobs = [query(node_of(client), blob=bytes(20_000_000)) for client in range(2)]
        lost, whole = grid.send_and_receive(blobs)
    assert lost.error.code == CRASHED
    assert "did nothing for 1 s" in str(lost.error.reason)
    assert not whole.has_error()


@pytest.mark.usefixtures("impatient")
def test_a_worker_that_works_is_left_alone_and_one_that_waits_in_vain_is_not(
    grid: CrewGrid, query: Query
) -> None:
    works, waits = grid.send_and_receive(
        [query(node_of(0), "works", seconds=4.0), query(node_of(1), "sleeps", seconds=60.0)]
    )
    assert not works.has_error()
    assert waits.error.code == CRASHED


def test_a_limit_of_each_client_counts_from_when_its_own_work_begins(grid: CrewGrid, query: Query) -> None:
    grid.send_and_receive([query(node_of(0))])
    seconds = [0.4, 60.0, *[0.4] * 6]
    sent = [query(node_of(place % 5), "sleeps", seconds=each) for place, each in enumerate(seconds)]
    started = time.monotonic()
    carried = {
        each.reply.metadata.reply_to_message_id: each
        for each in grid.stream(sent, bounds=Bounds(seconds=1.0))
    }
    # All of it takes longer than any of them may.
    assert time.monotonic() - started > 1.2
    replies = [carried[message.metadata.message_id].reply for message in sent]
    assert [reply.has_error() for reply in replies] == [each > 1 for each in seconds]
    assert replies[1].error.code == LATE
    assert "no reply within 1 s" in str(replies[1].error.reason)


def test_the_start_of_a_workers_successor_is_not_the_other_clients_delay(query: Query) -> None:
    with open_grid(Processes(1), client_app="echo_app:app", nodes=5) as grid:
        grid.send_and_receive([query(node_of(0))])
        # That takes longer than an import of Flower, of which there is one for each that dies.
        dying = [query(node_of(client), "dies", how="kill") for client in range(3)]
        replies = grid.send_and_receive([*dying, query(node_of(4), "sleeps", seconds=0.2)], timeout=0.8)
    assert [reply.error.code for reply in replies[:3]] == [CRASHED] * 3
    assert not replies[3].has_error()


def test_a_reply_longer_than_it_may_be_is_refused_before_it_is_read(any_grid: CrewGrid, query: Query) -> None:
    sent = [query(node_of(0), blob=bytes(3_000_000)), query(node_of(1), blob=bytes(1000))]
    carried = {
        each.reply.metadata.reply_to_message_id: each
        for each in any_grid.stream(sent, bounds=Bounds(reply_bytes=1_000_000))
    }
    long, short = (carried[message.metadata.message_id] for message in sent)
    assert long.reply.error.code == CRASHED
    assert re.match(
        r"its reply has 30\d{5} bytes, at most 1000000 are expected", str(long.reply.error.reason)
    )
    assert long.down > 3_000_000 > long.up == 0
    assert not short.reply.has_error()
    assert 1000 < short.up < 1500


def test_clients_in_this_process_are_late_after_the_timeout(query: Query) -> None:
    with open_grid(InProcess(), client_app="echo_app:app", nodes=3, timeout=0.1) as grid:
        replies = grid.send_and_receive(
            [query(node_of(client), "sleeps", seconds=0.15) for client in range(3)]
        )
    assert [reply.has_error() for reply in replies] == [False, True, True]
    assert replies[2].error.code == LATE


def test_workers_that_keep_dying_while_loading_end_the_run(
    query: Query, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "fatal_app.py").write_text("import os\nos._exit(9)\n")
    with (
        open_grid(Processes(1), client_app="fatal_app:app", nodes=1) as grid,
        pytest.raises(EngineError, match="ended with status 9"),
    ):
        grid.send_and_receive([query(node_of(0))])


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_a_driver_that_is_ended(tmp_path: Path, ending: signal.Signals) -> None:
    # The script has no main guard and is busy: its workers are in the middle of a message.
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path), os.getcwd()])
    driver = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
    )
    files = [tmp_path / str(node_of(client)) for client in range(2)]
    assert wait_for(lambda: all(file.exists() and file.read_text() for file in files), 30)
    workers = [int(file.read_text()) for file in files]
    assert all(running(pid) for pid in workers)
    driver.send_signal(ending)
    driver.communicate(timeout=10)
    assert wait_for(lambda: not any(running(pid) for pid in workers), 10)


def test_many_exchanges_leave_files_and_processes_as_they_were(grid: CrewGrid, query: Query) -> None:
    this = psutil.Process()
    grid.send_and_receive([query(node_of(client)) for client in range(5)])
    before = this.num_fds(), len(this.children(recursive=True))
    for _ in range(300):
        grid.send_and_receive([query(node_of(client)) for client in range(5)])
    assert (this.num_fds(), len(this.children(recursive=True))) == before
