"""Sub-FedAvg step by step: candidates, distance, gate, target, and the holders' mean."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune import plugins, simulate
from fedprune.federation import experiment as experiment_module
from fedprune.federation.client.machine import Machine
from fedprune.federation.client.round import client_round
from fedprune.federation.protocol.messages import Report, read
from fedprune.federation.server.federation import Federation
from fedprune.federation.server.round import Round
from fedprune.models import Architecture, architecture
from fedprune.pruning.groups import alive_channels
from fedprune.pruning.mask import Mask
from fedprune.runs.arrays import unpack
from fedprune.runs.log import read_lines
from fedprune.runs.store import VersionedStore
from fedprune.scenario import Scenario
from fedprune.strategy import Server, Update
from fedprune.types import Array, Arrays

from .toy import client_of, lend, play, row, toy_client

SubFedAvg: Any = plugins.load("strategies", "sub_fedavg").SubFedAvg

# Of ten weights a step of 0.2 takes two: 0 and 1 after the first epoch, 0 and 9 after the last.
FIRST = row(0.1, 0.2, 3, 4, 5, 6, 7, 8, 9, 10)
LAST = row(0.1, 2, 3, 4, 5, 6, 7, 8, 9, -0.2)
WITHOUT_0_AND_9 = [[False, *[True] * 8, False]]


def test_the_second_candidate_is_what_is_pruned() -> None:
    client = toy_client(row(*range(1, 11)))
    play(SubFedAvg(step=0.2), client, [FIRST, LAST])
    np.testing.assert_array_equal(client.mask["w"], WITHOUT_0_AND_9)
    np.testing.assert_array_equal(client.weights["w"], [[0, 2, 3, 4, 5, 6, 7, 8, 9, 0]])


@pytest.mark.parametrize(("threshold", "prunes"), [(0.0, True), (0.19, True), (0.2, False), (0.9, False)])
def test_candidates_must_differ_by_more_than_the_distance(threshold: float, prunes: bool) -> None:
    # Entries 1 and 9 of ten differ: a Hamming distance of 0.2.
    client = toy_client(row(*range(1, 11)))
    play(SubFedAvg(step=0.2, distance=threshold), client, [FIRST, LAST])
    assert bool(client.mask) == prunes
    assert len(client.gate.asked) == prunes


def test_the_distance_is_a_mean_over_layers_whatever_their_size() -> None:
    still = np.arange(1, 101, dtype=np.float32).reshape(10, 10)
    for threshold, prunes in ((0.09, True), (0.1, False)):
        client = toy_client({**FIRST, "v": still})
        # 0.2 in w and nothing in v, which is ten times as large: 0.1.
        play(SubFedAvg(step=0.2, distance=threshold), client, [{**FIRST, "v": still}, {**LAST, "v": still}])
        assert bool(client.mask) == prunes


@pytest.mark.parametrize(("accuracy", "prunes"), [(0.49, False), (0.5, False), (0.51, True)])
def test_nothing_is_pruned_unless_accuracy_exceeds_the_gate(accuracy: float, prunes: bool) -> None:
    client = toy_client(row(*range(1, 11)), gate=accuracy)
    play(SubFedAvg(step=0.2, gate=0.5), client, [FIRST, LAST])
    assert bool(client.mask) == prunes
    expected = [[0, 2, 3, 4, 5, 6, 7, 8, 9, 0]] if prunes else LAST["w"]
    np.testing.assert_array_equal(client.weights["w"], expected)


def test_the_gate_judges_the_second_candidate() -> None:
    client = toy_client(row(*range(1, 11)))
    play(SubFedAvg(step=0.2), client, [FIRST, LAST])
    ((weights, mask),) = client.gate.asked
    np.testing.assert_array_equal(mask["w"], WITHOUT_0_AND_9)
    np.testing.assert_array_equal(weights["w"], [[0, 2, 3, 4, 5, 6, 7, 8, 9, 0]])


def test_with_one_epoch_the_first_candidate_is_that_of_the_received_weights() -> None:
    client = toy_client(FIRST, epochs=1)
    play(SubFedAvg(step=0.2), client, [LAST])
    np.testing.assert_array_equal(client.mask["w"], WITHOUT_0_AND_9)
    same = toy_client(LAST, epochs=1)
    play(SubFedAvg(step=0.2), same, [LAST])
    assert not same.mask


def test_epochs_between_the_first_and_the_last_are_not_looked_at() -> None:
    client = toy_client(row(*range(1, 11)), epochs=4)
    play(SubFedAvg(step=0.2), client, [FIRST, LAST, LAST, FIRST])
    assert not client.mask


def test_biases_are_not_pruned() -> None:
    bias = np.zeros(3, np.float32)
    client = toy_client({**FIRST, "b": bias})
    play(SubFedAvg(step=0.2), client, [{**FIRST, "b": bias}, {**LAST, "b": bias}])
    assert list(client.mask) == ["w"]


def random_weights(made: Architecture, rng: np.random.Generator) -> Arrays:
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in made.shapes.items()}


def densities(variant: str, target: float, rounds: int = 16, **fields: Any) -> tuple[list[int], Mask, int]:
    """Pruned weights after each round of weights that change at random, the last mask, and their number."""
    made = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})
    strategy = SubFedAvg(variant=variant, target=target, distance=0.0, channel_distance=0.0, **fields)
    rng, mask, pruned = np.random.default_rng(0), Mask(), []
    size = sum(int(np.prod(made.shapes[name])) for name in made.prunable)
    for _ in range(rounds):
        client = client_of(made, random_weights(made, rng), mask)
        play(strategy, client, [random_weights(made, rng), random_weights(made, rng)])
        assert client.mask.is_subset(mask)
        assert all(not client.weights[name][~kept].any() for name, kept in client.mask.items())
        mask = client.mask
        weights = Mask({name: mask[name] for name in made.prunable if name in mask})
        pruned.append(weights.size - weights.kept)
    return pruned, mask, size


@pytest.mark.parametrize("variant", ["unstructured", "hybrid"])
@pytest.mark.parametrize("target", [0.0, 0.02, 0.3, 0.5, 0.77])
def test_the_target_is_met_exactly_and_never_overshot(variant: str, target: float) -> None:
    pruned, _, size = densities(variant, target)
    assert pruned == sorted(pruned)
    assert pruned[-1] == round(target * size)


@pytest.mark.parametrize("target", [0.02, 0.3, 0.9])
def test_channels_alone_stop_short_of_the_target_rather_than_overshoot(target: float) -> None:
    pruned, mask, size = densities("structured", target, rounds=4)
    assert pruned[-1] <= round(target * size)
    if target == 0.02:
        assert pruned[-1] == 0
    else:
        assert pruned[-1] > 0
        assert mask["fc2.weight"].all()


def test_hybrid_prunes_channels_of_convolutions_and_weights_of_linear_layers() -> None:
    _, mask, _ = densities("hybrid", 0.6)
    made = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})
    for group in made.groups:
        alive = alive_channels(group, mask)
        if group.kind == "conv":
            # 0.45 of 16 and of 32 channels.
            assert (~alive).sum() == {16: 7, 32: 14}[group.size]
    conv2 = mask["conv2.weight"]
    assert all(kernel.all() or not kernel.any() for kernel in conv2.reshape(-1, 9))
    assert 0 < mask["fc2.weight"].mean() < 1


@pytest.mark.parametrize(("linear", "channels"), [(True, True), (True, False), (False, True)])
def test_the_hybrid_asks_the_gate_about_linear_layers_and_then_about_channels(
    linear: bool, channels: bool
) -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})
    rng, asked, answers = np.random.default_rng(0), [], iter([linear, channels])
    client = client_of(made, random_weights(made, rng), Mask())

    def gate(weights: Arrays, mask: Mask) -> float:
        asked.append(mask)
        return float(next(answers))

    lend(client, gate=gate)
    strategy = SubFedAvg(variant="hybrid", target=0.5, distance=0.0, channel_distance=0.0)
    play(strategy, client, [random_weights(made, rng), random_weights(made, rng)])
    first, second = asked
    assert first["conv2.weight"].all()
    # A tenth of what is alive in a linear layer, and of the second question also whole channels.
    assert first["fc2.weight"].mean() == pytest.approx(0.9, abs=0.01)
    assert not second["conv2.weight"].all()
    assert second["fc2.weight"].all() != linear
    assert client.mask["fc2.weight"].all() != linear
    assert client.mask.with_dense(made.shapes)["conv2.weight"].all() != channels


def test_channels_go_by_their_batch_norm_scale_and_keep_the_floor() -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})
    rng = np.random.default_rng(0)
    first, last = random_weights(made, rng), random_weights(made, rng)
    last["bn1.weight"] = np.arange(16, 0, -1, dtype=np.float32)
    strategy = SubFedAvg(variant="structured", target=0.9, channels=0.25, channel_floor=14)
    client = client_of(made, first, Mask())
    play(strategy, client, [first, last])
    group = made.groups[0]
    # A quarter would be four; the floor of 14 of 16 leaves two, those of the smallest scale.
    assert np.flatnonzero(~alive_channels(group, client.mask)).tolist() == [14, 15]


@pytest.mark.parametrize("variant", ["unstructured", "structured", "hybrid"])
def test_an_uploaded_mask_covers_exactly_what_the_method_says(variant: str) -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})
    strategy = SubFedAvg(variant=variant)
    client = client_of(made, random_weights(made, np.random.default_rng(0)), Mask())
    payload = strategy.upload(client, made.shapes)
    names = strategy.masked(made.prunable, made.groups)
    assert tuple(payload.mask) == names
    assert payload.mask.density == 1
    assert payload.arrays.keys() == made.shapes.keys()
    assert set(made.prunable) <= set(names)
    assert ("bn1.running_var" in names) == (variant != "unstructured")


def update(client: int, samples: int, values: list[float], held: list[int]) -> Update:
    return Update(client, samples, {"w": np.array(values, np.float32)}, Mask({"w": np.array(held)}))


@pytest.mark.parametrize(
    ("mean", "expected"),
    [("holders", [4, 6, 8]), ("weighted_holders", [5, 6, 8]), ("intersection", [4, 0, 0])],
)
def test_the_server_averages_over_holders_or_where_all_hold(mean: str, expected: list[float]) -> None:
    server = Server({"w": np.zeros(3, np.float32)})
    updates = [update(0, 1, [2, 6, 0], [1, 1, 0]), update(1, 3, [6, 0, 8], [1, 0, 1])]
    np.testing.assert_array_equal(SubFedAvg(mean=mean).aggregate(server, updates)["w"], expected)


@pytest.mark.parametrize(
    "wrong", [{"target": 1.0}, {"step": -0.1}, {"channels": 1.5}, {"gate": 1.0}, {"channel_floor": 0}]
)
def test_fields_out_of_range_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: must"):
        SubFedAvg(**wrong)


def scenario(**sections: dict[str, Any]) -> Scenario:
    base: dict[str, dict[str, Any]] = {
        "run": {"rounds": 2, "clients_per_round": 2},
        "data": {"name": "digits"},
        "partition": {"name": "shards", "clients": 2, "shard_size": 20, "validation": 0.25},
        "model": {"name": "digits_cnn"},
        "train": {"epochs": 2, "lr": 0.05},
        "strategy": {"name": "sub_fedavg", "gate": 0.2, "distance": 0.0},
        "engine": {"name": "in_process"},
    }
    return Scenario.from_dict({name: {**keys, **sections.get(name, {})} for name, keys in base.items()})


def test_pruning_reads_no_test_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("test data was read")

    monkeypatch.setattr(experiment_module, "client_test_data", refuse)
    server = Federation(scenario(), "run", VersionedStore(tmp_path / "run" / "state" / "server"))
    (tmp_path / "run" / "state" / "clients").mkdir(parents=True)
    for conversation in Round(server, 1, [0, 1]).orders():
        report, _ = read(Report, client_round(conversation.order, Machine(tmp_path)))
        # A quarter of 40 samples are held out for this.
        assert report.gate_score is not None
        assert report.gate_score * 10 == pytest.approx(round(report.gate_score * 10))
        state = VersionedStore(tmp_path / "run" / "state" / "clients", "run").load(conversation.client, 1)
        assert any(not kept.all() for name, kept in state.items() if name.startswith("mask:"))


def test_with_a_single_local_epoch_a_run_prunes_too(tmp_path: Path) -> None:
    (result,) = simulate.run(scenario(train={"epochs": 1, "lr": 0.05}), out=tmp_path)
    assert result.metrics["density"] < 1


def test_below_the_gate_a_run_prunes_nothing(tmp_path: Path) -> None:
    (result,) = simulate.run(scenario(strategy={"gate": 0.999}, train={"lr": 0.01}), out=tmp_path)
    assert result.metrics["density"] == 1
    assert all(0 < row["gate_score"] < 0.999 for row in read_lines(result.folder / "clients.jsonl"))


def test_hybrid_on_mnist_removes_whole_four_by_four_maps(tmp_path: Path) -> None:
    root = os.environ.get("FEDPRUNE_DATA", "")
    if not root or not (Path(root) / "mnist").is_dir():
        pytest.skip("needs MNIST: FEDPRUNE_DATA must name a folder that holds mnist/*.parquet")
    on_mnist = scenario(
        data={"name": "mnist"},
        model={"name": "mnist_cnn", "batch_norm": True},
        partition={"clients": 4, "shard_size": 50},
        strategy={"variant": "hybrid", "target": 0.5, "channel_distance": 0.0, "gate": 0.0},
    )
    (result,) = simulate.run(on_mnist, out=tmp_path)
    densities = [record["density"] for record in read_lines(result.folder / "rounds.jsonl")]
    assert 0.5 <= densities[1] < densities[0] < 1
    checked = 0
    for path in sorted((result.folder / "state" / "clients").glob("*/*/*")):
        state = unpack(path.read_bytes())
        if "mask:bn2.weight" not in state:
            continue  # Its two candidates ranked the channels alike.
        dead = ~state["mask:bn2.weight"]
        columns: Array = state["mask:fc1.weight"].reshape(50, 20, 4, 4)
        assert not columns[:, dead].any()
        assert columns[:, ~dead].any(axis=(0, 2, 3)).all()
        assert not state["weights:fc1.weight"].reshape(50, 20, 4, 4)[:, dead].any()
        checked += int(dead.sum())
    assert checked > 0
