"""FedAvg: one global model, averaged by sample counts.

McMahan, Moore, Ramage, Hampson, Aguera y Arcas: Communication-Efficient Learning of Deep Networks from
Decentralized Data, AISTATS 2017, https://arxiv.org/abs/1602.05629. No departure: every hook is the contract's
default. A client keeps no model, so its personal accuracy is that of the final global model after one more
local training.
"""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.strategy import Strategy


@dataclass(frozen=True)
class FedAvg(Strategy):
    """Algorithm 1 of the paper."""
