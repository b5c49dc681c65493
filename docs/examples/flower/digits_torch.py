"""FedAvg on the digits with torch, its replies in 4 bits a weight; ``python digits_torch.py`` runs it here.

``app`` and ``server`` are an ordinary Flower app: ``flwr run`` takes them as well.
"""

import torch
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.clientapp.mod import message_size_mod
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from sklearn.datasets import load_digits
from torch import nn

from fedprune import Codec
from fedprune.flower import BytesGrid, BytesMod

CODEC = Codec(base="update", values="uniform", bits=4, entropy="ans")
counter = BytesMod(CODEC)
app = ClientApp(mods=[message_size_mod, counter])
server = ServerApp()


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def partition(context: Context) -> tuple[torch.Tensor, torch.Tensor]:
    """Every n-th digit, beginning with the client's own number."""
    first, step = int(context.node_config["partition-id"]), int(context.node_config["num-partitions"])
    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images[first::step] / 16, dtype=torch.float32), torch.tensor(labels[first::step])


def loaded(message: Message) -> nn.Module:
    net = network()
    net.load_state_dict(message.content.array_records["arrays"].to_torch_state_dict())
    return net


@app.train()
def train(message: Message, context: Context) -> Message:
    net, (images, labels) = loaded(message), partition(context)
    optimizer = torch.optim.SGD(net.parameters(), lr=float(message.content["config"]["lr"]))
    for _ in range(3):
        for batch in torch.arange(len(images)).split(16):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(images[batch]), labels[batch]).backward()
            optimizer.step()
    metrics = MetricRecord({"num-examples": len(images)})
    return Message(
        RecordDict({"arrays": ArrayRecord(net.state_dict()), "metrics": metrics}), reply_to=message
    )


@app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    net, (images, labels) = loaded(message), partition(context)
    right = (net(images).argmax(1) == labels).float().mean().item()
    metrics = MetricRecord({"accuracy": right, "num-examples": len(images)})
    return Message(RecordDict({"metrics": metrics}), reply_to=message)


def federate(grid: Grid) -> tuple[BytesGrid, float]:
    """Two rounds with all clients: the counting grid and the accuracy after the last."""
    counting = BytesGrid(grid, CODEC)
    torch.manual_seed(0)
    result = FedAvg().start(
        counting,
        ArrayRecord(network().state_dict()),
        num_rounds=2,
        train_config=ConfigRecord({"lr": 0.1}),
    )
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

    with open_grid(InProcess(), client_app="digits_torch:app", nodes=4) as grid:
        server(grid, Context(1, 0, {}, RecordDict(), {}))
