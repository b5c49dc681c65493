"""FedAvg of a logistic regression in numpy, counted and otherwise as it was; runs as digits_torch.py does."""

import numpy as np
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.clientapp.mod import message_size_mod
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from sklearn.datasets import load_breast_cancer

from fedprune.flower import BytesGrid, BytesMod

counter = BytesMod()
app = ClientApp(mods=[message_size_mod, counter])
server = ServerApp()


def partition(context: Context) -> tuple[np.ndarray, np.ndarray]:
    """Every n-th case, beginning with the client's own number; features scaled over all."""
    first, step = int(context.node_config["partition-id"]), int(context.node_config["num-partitions"])
    cases, labels = load_breast_cancer(return_X_y=True)
    cases = (cases - cases.mean(0)) / cases.std(0)
    return cases[first::step], labels[first::step]


def probabilities(weights: np.ndarray, bias: np.ndarray, cases: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(cases @ weights + bias)))


@app.train()
def train(message: Message, context: Context) -> Message:
    weights, bias = message.content.array_records["arrays"].to_numpy_ndarrays()
    cases, labels = partition(context)
    for _ in range(50):
        wrong = probabilities(weights, bias, cases) - labels
        weights = weights - 0.1 * cases.T @ wrong / len(cases)
        bias = bias - 0.1 * wrong.mean(keepdims=True)
    metrics = MetricRecord({"num-examples": len(cases)})
    return Message(RecordDict({"arrays": ArrayRecord([weights, bias]), "metrics": metrics}), reply_to=message)


@app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    weights, bias = message.content.array_records["arrays"].to_numpy_ndarrays()
    cases, labels = partition(context)
    right = float(np.mean((probabilities(weights, bias, cases) > 0.5) == labels))
    metrics = MetricRecord({"accuracy": right, "num-examples": len(cases)})
    return Message(RecordDict({"metrics": metrics}), reply_to=message)


def federate(grid: Grid) -> tuple[BytesGrid, float]:
    """Two rounds with all clients: the counting grid and the accuracy after the last."""
    counting = BytesGrid(grid)
    start = ArrayRecord([np.zeros(30), np.zeros(1)])
    result = FedAvg().start(counting, start, num_rounds=2)
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

    with open_grid(InProcess(), client_app="logistic_numpy:app", nodes=4) as grid:
        server(grid, Context(1, 0, {}, RecordDict(), {}))
