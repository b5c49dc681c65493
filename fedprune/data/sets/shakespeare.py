"""Shakespeare's plays by 1,129 speaking roles: 80 characters, and the one that follows (LEAF).

Caldas et al., LEAF: A Benchmark for Federated Settings, 2018, https://arxiv.org/abs/1812.01097. Samples are
windows of a role's lines that overlap but for one character, so of each role's the last tenth is for testing,
after a gap of one window.
"""

from __future__ import annotations

from fedprune.data.declared import HubSet
from fedprune.data.schema import Features, Targets
from fedprune.data.text import VOCABULARY, decode_text

LENGTH = 80

SET = HubSet(
    repo="flwrlabs/shakespeare",
    features=Features((LENGTH,), "uint8", vocabulary=VOCABULARY),
    targets=Targets(classes=VOCABULARY),
    task="next_token",
    x=("x",),
    y=("y",),
    columns={"role": ("character_id",)},
    client_key="role",
    test_gap=LENGTH,
    decode=decode_text,
)
