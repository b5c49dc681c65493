"""The grid answers Flower's messages, in order, the same from any number of workers of any engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import psutil
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

from fedprune.engines.crew import Engine, EngineError
from fedprune.engines.crews.in_process import InProcess
from fedprune.engines.crews.processes import Processes
from fedprune.engines.grid import CrewGrid, open_grid
from fedprune.federation.flower.private import RAISED, SUPERLINK_NODE_ID, node_of

Query = Callable[..., Message]


def describe(grid: CrewGrid, query: Query) -> list[ConfigRecord]:
    replies = grid.send_and_receive([query(node, "describe") for node in grid.get_node_ids()])
    return [reply.content.config_records["seen"] for reply in replies]


def test_replies_are_the_same_and_in_order_from_any_number_of_workers(
    any_grid: CrewGrid, query: Query
) -> None:
    # The first client takes longest, so that completion order is not the order sent.
    sent = [
        query(node, "sleeps", seconds=0.2 if place == 0 else 0.0, blob=bytes([place]) * 300_000)
        for place, node in enumerate(any_grid.get_node_ids())
    ]
    replies = any_grid.send_and_receive(sent)
    assert [reply.content for reply in replies] == [message.content for message in sent]


def test_each_client_sees_its_own_partition_and_an_empty_state(any_grid: CrewGrid, query: Query) -> None:
    for _ in range(2):
        seen = describe(any_grid, query)
        assert [each["partition-id"] for each in seen] == [0, 1, 2, 3, 4]
        assert [each["node"] for each in seen] == list(any_grid.get_node_ids())
        assert {each["num-partitions"] for each in seen} == {5}
        assert {each["state"] for each in seen} == {0}


def test_a_change_to_shared_content_by_one_client_is_unseen_by_others(any_grid: CrewGrid) -> None:
    shared = RecordDict({"config": ConfigRecord({"value": 1})})
    messages = [Message(shared, node, "query.spoil") for node in any_grid.get_node_ids()]
    replies = any_grid.send_and_receive(messages)
    assert [reply.content["config"]["value"] for reply in replies] == [1] * 5
    assert shared["config"]["value"] == 1


def test_a_handler_that_raises_costs_its_own_reply_only(any_grid: CrewGrid, query: Query) -> None:
    replies = any_grid.send_and_receive([query(node, "raises") for node in any_grid.get_node_ids()])
    assert [reply.has_error() for reply in replies] == [False, True, False, True, False]
    error = replies[1].error
    assert error.code == RAISED
    assert error.reason is not None
    assert error.reason.strip().endswith("the end")
    assert len(error.reason) <= 4096


def test_what_the_user_can_mend_is_answered_in_one_line(any_grid: CrewGrid, query: Query) -> None:
    (reply,) = any_grid.send_and_receive([query(node_of(0), "refuses")])
    assert reply.error.code == RAISED
    assert reply.error.reason == r"there is no disk;\n  put one in"


def test_a_reason_that_no_text_can_hold_is_told_with_escapes(any_grid: CrewGrid, query: Query) -> None:
    (reply,) = any_grid.send_and_receive([query(node_of(0), "garbles")])
    assert reply.error.code == RAISED
    assert str(reply.error.reason).strip().endswith(r"OSError: no file a\udcff.txt")


@pytest.mark.parametrize(
    ("action", "hint"), [("exits", "SystemExit"), ("wrong", "reply_to"), ("absent", "absent")]
)
def test_a_handler_that_does_not_reply_gives_an_error_that_says_so(
    any_grid: CrewGrid, query: Query, action: str, hint: str
) -> None:
    (reply,) = any_grid.send_and_receive([query(node_of(0), action)])
    assert reply.error.code == RAISED
    assert hint in str(reply.error.reason)


def test_metadata_is_what_flowers_own_grids_set(any_grid: CrewGrid, query: Query) -> None:
    any_grid.set_run(42)
    message = query(node_of(2))
    (reply,) = any_grid.send_and_receive([message])
    any_grid.set_run(1)
    assert message.metadata.run_id == reply.metadata.run_id == 42
    assert message.metadata.src_node_id == reply.metadata.dst_node_id == SUPERLINK_NODE_ID
    assert reply.metadata.src_node_id == node_of(2)
    assert reply.metadata.reply_to_message_id == message.metadata.message_id
    assert "" != reply.metadata.message_id != message.metadata.message_id


def test_ids_of_messages_have_one_length(grid: CrewGrid, query: Query) -> None:
    messages = [query(node_of(0)) for _ in range(20)]
    replies = grid.send_and_receive(messages)
    ids = [each.metadata.message_id for each in (*messages, *replies)]
    assert len(set(ids)) == 40
    assert {len(each) for each in ids} == {16}


def test_messages_are_taken_from_a_generator_one_ahead_of_the_workers(grid: CrewGrid, query: Query) -> None:
    made: list[float] = []

    def messages() -> Iterator[Message]:
        for _ in range(4):
            made.append(time.monotonic())
            yield query(node_of(0), "sleeps", seconds=0.2)

    grid.send_and_receive(messages())
    assert made[2] - made[0] < 0.15 < made[3] - made[0]


def test_an_error_while_making_messages_leaves_the_grid_usable(grid: CrewGrid, query: Query) -> None:
    def messages() -> Iterator[Message]:
        yield query(node_of(0), "sleeps", seconds=30.0)
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        grid.send_and_receive(messages())
    (reply,) = grid.send_and_receive([query(node_of(1), blob=b"next")])
    assert reply.content["config"]["blob"] == b"next"


def test_a_message_to_a_node_that_does_not_exist_is_refused(grid: CrewGrid, query: Query) -> None:
    with pytest.raises(ValueError, match="get_node_ids"):
        grid.send_and_receive([query(node_of(5))])


def pulled(grid: CrewGrid, ids: list[str], seconds: float = 30.0) -> list[Message]:
    """The replies to these pushed messages, in the order in which they came."""
    found: list[Message] = []
    deadline = time.monotonic() + seconds
    while len(found) < len(ids) and time.monotonic() < deadline:
        found += grid.pull_messages(ids)
        time.sleep(0.01)
    return found


def test_pushed_messages_are_each_handed_out_once(any_grid: CrewGrid, query: Query) -> None:
    ids = any_grid.push_messages([query(node_of(client), place=client) for client in range(3)])
    replies = pulled(any_grid, ids)
    assert sorted(reply.metadata.reply_to_message_id for reply in replies) == sorted(ids)
    assert sorted(reply.content["config"]["place"] for reply in replies) == [0, 1, 2]
    assert any_grid.pull_messages([*ids, "unknown"]) == []


def test_a_push_starts_the_work_and_a_pull_returns_what_is_finished(grid: CrewGrid, query: Query) -> None:
    describe(grid, query)
    start = time.monotonic()
    (slow,) = grid.push_messages([query(node_of(0), "sleeps", seconds=2.0)])
    quick = grid.push_messages([query(node_of(client), place=client) for client in (1, 2, 3)])
    assert time.monotonic() - start < 1
    # Nobody pulls meanwhile: the other worker still goes from one message to the next.
    time.sleep(1)
    assert [reply.metadata.reply_to_message_id for reply in grid.pull_messages([slow, *quick])] == quick
    (late,) = pulled(grid, [slow])
    assert late.metadata.reply_to_message_id == slow
    assert time.monotonic() - start > 1.9


def test_an_exchange_leaves_pushed_messages_at_their_work(grid: CrewGrid, query: Query) -> None:
    (slow,) = grid.push_messages([query(node_of(0), "sleeps", seconds=0.4, blob=b"pushed")])
    replies = grid.send_and_receive([query(node_of(1), blob=b"sent"), query(node_of(2), "raises")])
    assert [reply.content["config"].get("blob") for reply in replies] == [b"sent", None]
    (late,) = pulled(grid, [slow])
    assert late.content["config"]["blob"] == b"pushed"


def test_replies_are_handed_back_as_they_come(grid: CrewGrid, query: Query) -> None:
    describe(grid, query)
    sent = [query(node_of(place), "sleeps", seconds=0.5 if place == 0 else 0.0) for place in range(4)]
    order = [carried.reply.metadata.src_node_id for carried in grid.stream(sent)]
    assert order == [node_of(client) for client in (1, 2, 3, 0)]


def test_what_is_unanswered_when_the_caller_stops_is_given_up(grid: CrewGrid, query: Query) -> None:
    seconds = [0.0, 60.0, 60.0, 60.0]
    for _ in grid.stream(query(node_of(0), "sleeps", seconds=each) for each in seconds):
        break
    start = time.monotonic()
    (reply,) = grid.send_and_receive([query(node_of(1), blob=b"next")])
    assert reply.content["config"]["blob"] == b"next"
    assert time.monotonic() - start < 20


def test_the_workers_stay_when_the_grid_is_resized(grid: CrewGrid, query: Query) -> None:
    before = {each["pid"] for each in describe(grid, query)}
    grid.resize(7)
    seen = describe(grid, query)
    grid.resize(5)
    assert [each["num-partitions"] for each in seen] == [7] * 7
    assert {each["pid"] for each in seen} | before <= set(grid.worker_pids)


def test_node_ids_of_ten_thousand_clients_come_at_once() -> None:
    grid = open_grid(Processes(), client_app="echo_app:app", nodes=10_000)
    start = time.perf_counter()
    ids = grid.get_node_ids()
    assert time.perf_counter() - start < 0.05
    assert len(set(ids)) == 10_000


def test_workers_compute_with_one_thread(grid: CrewGrid, query: Query) -> None:
    assert {each["threads"] for each in describe(grid, query)} == {"1"}
    (reply,) = grid.send_and_receive([query(node_of(0), "threads")])
    assert reply.content["torch"]["threads"] == 1


def test_what_a_client_prints_stays_out_of_standard_output(
    grid: CrewGrid, query: Query, capfd: pytest.CaptureFixture[str]
) -> None:
    describe(grid, query)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("engine", [InProcess(), Processes(1)], ids=str)
@pytest.mark.parametrize(
    "reference", ["no_such_module:app", "echo_app:absent", "echo_app:not_an_app", "echo_app"]
)
def test_a_client_app_that_does_not_load_is_an_error_that_names_it(
    query: Query, reference: str, engine: Engine
) -> None:
    with open_grid(engine, client_app=reference, nodes=1) as grid:
        with pytest.raises(EngineError, match=reference) as caught:
            grid.send_and_receive([query(node_of(0))])
        assert "\n" not in str(caught.value)


def test_an_unmodified_fedavg_runs_two_rounds(any_grid: CrewGrid) -> None:
    app = ServerApp()
    results = []

    @app.main()
    def main(grid: Grid, context: Context) -> None:
        arrays = ArrayRecord({"w": Array(np.arange(6, dtype=np.float32).reshape(2, 3))})
        strategy = FedAvg(fraction_train=1.0, min_train_nodes=5, min_evaluate_nodes=5, min_available_nodes=5)
        results.append(strategy.start(grid, arrays, num_rounds=2))

    app(any_grid, Context(1, SUPERLINK_NODE_ID, {}, RecordDict(), {}))
    (result,) = results
    np.testing.assert_allclose(result.arrays["w"].numpy(), np.arange(6).reshape(2, 3), rtol=1e-6)
    assert result.evaluate_metrics_clientapp[2]["accuracy"] == 0.5


def test_close_ends_every_worker(query: Query) -> None:
    with open_grid(Processes(2), client_app="echo_app:app", nodes=2) as grid:
        grid.start()
        pids = grid.worker_pids
        assert len(pids) == 2
    assert grid.worker_pids == []
    assert not any(psutil.pid_exists(pid) for pid in pids)


@pytest.mark.parametrize("engine", [InProcess(), Processes(1)], ids=str)
def test_what_the_machine_is_told_is_in_every_clients_node_config(query: Query, engine: Engine) -> None:
    config = {"data-root": "some/where", "partition-id": 99}
    with open_grid(engine, client_app="echo_app:app", nodes=2, config=config) as grid:
        seen = describe(grid, query)
    assert [each["data-root"] for each in seen] == ["some/where"] * 2
    assert [each["partition-id"] for each in seen] == [0, 1]
