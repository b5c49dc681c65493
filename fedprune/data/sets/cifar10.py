"""32x32 color photographs, 10 classes, 50,000 training and 10,000 test samples."""

from __future__ import annotations

from fedprune.data.image_set import Augmentation, ImageSet

SET = ImageSet(
    repo="uoft-cs/cifar10",
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2435, 0.2616),
    num_classes=10,
    augmentation=Augmentation(padding=4, flip=True),
)
