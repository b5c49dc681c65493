"""32x32 color photographs, 10 classes, 50,000 training and 10,000 test samples."""

from __future__ import annotations

from fedprune.data.declared import HubSet
from fedprune.data.schema import Augmentation, Features, Targets

SET = HubSet(
    repo="uoft-cs/cifar10",
    features=Features(
        shape=(3, 32, 32),
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
        augmentation=Augmentation(padding=4, flip=True),
    ),
    targets=Targets(classes=10),
)
