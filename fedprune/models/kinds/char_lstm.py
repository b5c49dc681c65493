"""A character LSTM for next-token prediction: an embedding, LSTM layers, one linear layer.

By default the network of McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized
Data, AISTATS 2017, for Shakespeare: an embedding of 8 values and 2 layers of 256 units. With the 90 tokens of
Reddi et al., Adaptive Federated Optimization, ICLR 2021, it has their 820,522 parameters and 2,048 more,
since torch gives each LSTM layer a second bias.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from fedprune.models import ModelError
from fedprune.models.dropout import KeyedDropout
from fedprune.models.sizes import scaled, sequence_length


class CharLSTM(nn.Module):
    """Takes int64 token ids (batch, length), gives logits (batch, length, outputs) at each position, or those
    of the last position alone, (batch, outputs). Its layers are embedding, lstm1, lstm2, ..., head.

    Each layer is an LSTM of its own, since torch's dropout between the layers of one draws from its global
    generator.
    """

    def __init__(
        self,
        vocabulary: int,
        outputs: int,
        embedding: int,
        hidden: list[int],
        dropout: float,
        per_position: bool,
    ) -> None:
        super().__init__()
        self.per_position = per_position
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.depth = len(hidden)
        for layer, (inputs, units) in enumerate(pairwise([embedding, *hidden]), start=1):
            self.add_module(f"lstm{layer}", nn.LSTM(inputs, units, batch_first=True))
        self.head = nn.Linear(hidden[-1], outputs)
        self.dropout = KeyedDropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.embedding(x)
        for layer in range(1, self.depth + 1):
            hidden, _ = self.get_submodule(f"lstm{layer}")(hidden)
            hidden = self.dropout(hidden)
        logits: Tensor = self.head(hidden if self.per_position else hidden[:, -1])
        return logits


def build(
    input_shape: tuple[int, ...],
    outputs: int,
    *,
    vocabulary: int,
    per_position: bool,
    embedding: int = 8,
    hidden: int = 256,
    layers: int = 2,
    width: float = 1.0,
    dropout: float = 0.0,
) -> nn.Module:
    """The network for token ids of shape (length,): an ``embedding`` of so many values, and ``layers`` of
    ``hidden`` units each.

    ``width`` multiplies the embedding and the units; ``dropout`` is the probability in [0, 1) with which the
    outputs of LSTM layers are dropped in training.
    """
    sequence_length("char_lstm", input_shape)
    if min(embedding, hidden, layers) < 1:
        raise ModelError("model 'char_lstm': options 'embedding', 'hidden' and 'layers' must be at least 1")
    embedding, *units = scaled("char_lstm", [embedding, *[hidden] * layers], width)
    return CharLSTM(vocabulary, outputs, embedding, units, dropout, per_position)
