"""FedAvg of a head alone, over a body that all clients make themselves; of its updates a tenth travels.

The body is fixed random features, drawn from a seed that all clients have. Runs as digits_torch.py does.
"""

import numpy as np
from flwr.app import Array, ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.clientapp.mod import message_size_mod
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from sklearn.datasets import load_digits

from fedprune import Codec
from fedprune.flower import BytesGrid, BytesMod

FEATURES = 200
CODEC = Codec(base="update", sparsify=0.1, values="fp16")
counter = BytesMod(CODEC)
app = ClientApp(mods=[message_size_mod, counter])
server = ServerApp()


def partition(context: Context) -> tuple[np.ndarray, np.ndarray]:
    """Every n-th digit, beginning with the client's own number, as features of the body."""
    first, step = int(context.node_config["partition-id"]), int(context.node_config["num-partitions"])
    images, labels = load_digits(return_X_y=True)
    body = np.random.default_rng(0).normal(size=(64, FEATURES)) / 8
    features = np.maximum(0, (images[first::step] / 16 - 0.3) @ body)
    return features.astype(np.float32), np.eye(10, dtype=np.float32)[labels[first::step]]


def head_of(message: Message) -> tuple[np.ndarray, np.ndarray]:
    head = message.content.array_records["head"]
    return head["weight"].numpy(), head["bias"].numpy()


def scores(weight: np.ndarray, bias: np.ndarray, features: np.ndarray) -> np.ndarray:
    powers = np.exp(features @ weight + bias)
    return powers / powers.sum(1, keepdims=True)


@app.train()
def train(message: Message, context: Context) -> Message:
    (weight, bias), (features, wanted) = head_of(message), partition(context)
    for _ in range(50):
        wrong = scores(weight, bias, features) - wanted
        weight = weight - features.T @ wrong / len(features)
        bias = bias - wrong.mean(0)
    head = ArrayRecord({"weight": Array(weight), "bias": Array(bias)})
    metrics = MetricRecord({"num-examples": len(features)})
    return Message(RecordDict({"head": head, "metrics": metrics}), reply_to=message)


@app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    (weight, bias), (features, wanted) = head_of(message), partition(context)
    right = float(np.mean(scores(weight, bias, features).argmax(1) == wanted.argmax(1)))
    metrics = MetricRecord({"accuracy": right, "num-examples": len(features)})
    return Message(RecordDict({"metrics": metrics}), reply_to=message)


def federate(grid: Grid) -> tuple[BytesGrid, float]:
    """Two rounds with all clients: the counting grid and the accuracy after the last."""
    counting = BytesGrid(grid, CODEC)
    head = {"weight": np.zeros((FEATURES, 10), np.float32), "bias": np.zeros(10, np.float32)}
    start = ArrayRecord({name: Array(value) for name, value in head.items()})
    result = FedAvg(arrayrecord_key="head").start(counting, start, num_rounds=2)
    return counting, float(result.evaluate_metrics_clientapp[2]["accuracy"])


@server.main()
def main(grid: Grid, context: Context) -> None:
    counting, accuracy = federate(grid)
    print(f"accuracy {accuracy:.3f}")
    for key, counted in counting.account.by("round", "kind", "way").items():
        print(*key, counted)


if __name__ == "__main__":
    from fedprune.engines.crews.in_process import InProcess
    from fedprune.engines.grid import open_grid

    with open_grid(InProcess(), client_app="head_only:app", nodes=4) as grid:
        server(grid, Context(1, 0, {}, RecordDict(), {}))
