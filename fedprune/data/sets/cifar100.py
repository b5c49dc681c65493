"""32x32 color photographs, 100 fine classes, 50,000 training and 10,000 test samples."""

from __future__ import annotations

from fedprune.data.declared import HubSet
from fedprune.data.schema import Augmentation, Features, Targets

SET = HubSet(
    repo="uoft-cs/cifar100",
    features=Features(
        shape=(3, 32, 32),
        mean=(0.5071, 0.4865, 0.4409),
        std=(0.2673, 0.2564, 0.2762),
        augmentation=Augmentation(padding=4, flip=True),
    ),
    targets=Targets(classes=100),
    y=("fine_label", "label"),
)
