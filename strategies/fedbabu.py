"""FedBABU: the head stays as it was initialised while the body is averaged; in the end clients fine-tune.

Oh, Kim, Yun: FedBABU: Toward Enhanced Representation for Federated Image Classification, ICLR 2022,
https://openreview.net/forum?id=HuaYQfggn5u. Read against the authors' code (github.com/jhoon-oh/FedBABU,
``main_fed.py`` with ``local_upt_part body, aggr_part body``, ``models/Update.py``). Departures:

- The head never travels, since its initial values are keyed and both sides have them; there it is sent, and
  left out when the mean is handed out.
- Replies count by number of samples; there clients count alike.
- The learning rate follows the scenario's schedule; there it falls tenfold at half and at three quarters of
  the rounds.
- The server's variant with data of its own (FedBABU+) is not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fedprune.strategy import Client, Strategy
from fedprune.strategy.layers import body_and_head
from fedprune.types import Shapes


@dataclass(frozen=True)
class FedBABU(Strategy):
    """Body aggregation and body update. No client keeps a model: it deploys the last body, fine-tuned."""

    head: int = 1
    """Convolutions and linear layers that stand still in rounds, counted from the end; never the first
    one."""
    tune: Literal["all", "head", "body"] = "all"
    """What clients fine-tune in the evaluation after the last round."""
    tune_epochs: int | None = None
    """How long; as many epochs as in a round unless given. The published code's is 5."""

    def __post_init__(self) -> None:
        for name in ("head", "tune_epochs"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}: must be at least 1, got {value}")

    def travels(self, shapes: Shapes, statistics: frozenset[str]) -> Shapes:
        body, _ = body_and_head(shapes, self.head)
        return super().travels(body, statistics)

    def train(self, client: Client) -> None:
        shapes = {name: value.shape for name, value in client.weights.items()}
        body, head = body_and_head(shapes, self.head)
        parts = {"all": shapes, "head": head, "body": body}
        moving, epochs = (self.tune, self.tune_epochs) if client.final else ("body", None)
        client.weights = client.fit(client.weights, client.mask, epochs=epochs, only=parts[moving])
