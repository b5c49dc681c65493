"""FedAvg + fine-tuning: FedAvg's global model, trained on by each client before it is used.

Yu, Bagdasaryan, Shmatikov: Salvaging Federated Learning by Local Adaptation, 2020,
https://arxiv.org/abs/2002.04758 (its first technique); Collins, Hassani, Mokhtari, Shakkottai: FedAvg with
Fine Tuning: Local Updates Lead to Representation Learning, NeurIPS 2022, https://arxiv.org/abs/2205.13692.
Departures:

- Fine-tuning steps as rounds do ([train]: learning rate, momentum, batch size); Yu et al. fine-tune with
  settings of their own.
- All weights are fine-tuned; the variant of Yu et al. that freezes all but the last layer is not here.
"""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.strategy import Client, Strategy


@dataclass(frozen=True)
class FedAvgFinetune(Strategy):
    """FedAvg in rounds; in the evaluation after the last one, local training of another length."""

    epochs: int = 10
    """Epochs of fine-tuning on the final global model."""

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"epochs: must be at least 1, got {self.epochs}")

    def train(self, client: Client) -> None:
        epochs = self.epochs if client.final else None
        client.weights = client.fit(client.weights, client.mask, epochs=epochs)
