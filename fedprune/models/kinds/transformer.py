"""A small causal transformer for sequences of tokens.

Embeddings, blocks of attention and MLP, and one linear layer.

Vaswani et al., Attention Is All You Need, NeurIPS 2017, as GPT-2 (Radford et al., 2019) has it: only the
decoder's blocks without a second sequence, norms before each part and one at the end, learned positions,
GELU, and embeddings that begin with a standard deviation of 0.02.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from fedprune.models import ModelError
from fedprune.models.dropout import KeyedDropout
from fedprune.models.sizes import scaled, sequence_length
from fedprune.types import Arrays

EMBEDDING_SCALE = 0.02
"""Standard deviation of initial embeddings. With torch's 1, a tied head would begin with logits as large as
the root of the stream's size."""


class Block(nn.Module):
    """Attention to this and earlier positions, then an MLP at each; both are added to the stream."""

    def __init__(self, stream: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(stream)
        self.attention = nn.MultiheadAttention(stream, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(stream)
        self.fc1 = nn.Linear(stream, hidden)
        self.fc2 = nn.Linear(hidden, stream)
        self.dropout = KeyedDropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        later = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        normed = self.norm1(x)
        attended, _ = self.attention(
            normed, normed, normed, attn_mask=later, need_weights=False, is_causal=True
        )
        x = x + self.dropout(attended)
        added: Tensor = x + self.dropout(self.fc2(gelu(self.fc1(self.norm2(x)))))
        return added


class Transformer(nn.Module):
    """Takes int64 token ids (batch, length), gives logits (batch, length, outputs) at each position, or those
    of the last position alone, (batch, outputs). Its blocks are block1, block2, ..."""

    def __init__(
        self,
        sizes: tuple[int, int, int],
        stream: int,
        hidden: int,
        *,
        heads: int,
        layers: int,
        tied: bool,
        dropout: float,
        per_position: bool,
    ) -> None:
        super().__init__()
        vocabulary, length, outputs = sizes
        self.per_position, self.depth = per_position, layers
        self.token = nn.Embedding(vocabulary, stream)
        self.position = nn.Embedding(length, stream)
        for layer in range(1, layers + 1):
            self.add_module(f"block{layer}", Block(stream, heads, hidden, dropout))
        self.norm = nn.LayerNorm(stream)
        self.head = nn.Linear(stream, outputs)
        if tied:
            self.head.weight = self.token.weight
        self.dropout = KeyedDropout(dropout)

    def initial_weights(self, rng: np.random.Generator) -> Arrays:
        """The initial values of both embeddings: normal, with deviation EMBEDDING_SCALE."""
        tables = {"token.weight": self.token, "position.weight": self.position}
        return {name: rng.normal(0, EMBEDDING_SCALE, table.weight.shape) for name, table in tables.items()}

    def forward(self, x: Tensor) -> Tensor:
        stream: Tensor = self.dropout(self.token(x) + self.position.weight[: x.shape[1]])
        for layer in range(1, self.depth + 1):
            stream = self.get_submodule(f"block{layer}")(stream)
        logits: Tensor = self.head(self.norm(stream if self.per_position else stream[:, -1]))
        return logits


def build(
    input_shape: tuple[int, ...],
    outputs: int,
    *,
    vocabulary: int,
    per_position: bool,
    stream: int = 64,
    layers: int = 2,
    heads: int = 4,
    hidden: int = 256,
    tied: bool = False,
    width: float = 1.0,
    dropout: float = 0.0,
) -> nn.Module:
    """The network for token ids of shape (length,): ``layers`` blocks on a ``stream`` of so many values at
    each position, with ``heads`` of attention and ``hidden`` units in each MLP.

    ``tied`` lets the head read with the matrix of the token embedding, for which outputs must be tokens;
    ``width`` multiplies the stream (in whole values per head) and the hidden units; ``dropout`` is the
    probability in [0, 1) with which what enters and what is added to the stream is dropped in training.
    """
    length = sequence_length("transformer", input_shape)
    if min(stream, layers, heads, hidden) < 1 or stream % heads:
        raise ModelError(
            f"model 'transformer': options 'stream' = {stream}, 'layers' = {layers}, 'heads' = {heads} and "
            f"'hidden' = {hidden} must be at least 1, and 'stream' a multiple of 'heads'"
        )
    if tied and outputs != vocabulary:
        raise ModelError(
            f"model 'transformer': option 'tied' = true needs an output for each of the {vocabulary} tokens, "
            f"and the task has {outputs}; leave it out"
        )
    (stream,) = scaled("transformer", [stream], width, multiple=heads)
    (hidden,) = scaled("transformer", [hidden], width)
    return Transformer(
        (vocabulary, length, outputs),
        stream,
        hidden,
        heads=heads,
        layers=layers,
        tied=tied,
        dropout=dropout,
        per_position=per_position,
    )
