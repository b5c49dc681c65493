"""32x32 color photographs, 100 fine classes, 50,000 training and 10,000 test samples."""

from __future__ import annotations

from fedprune.data.image_set import Augmentation, ImageSet

SET = ImageSet(
    repo="uoft-cs/cifar100",
    mean=(0.5071, 0.4865, 0.4409),
    std=(0.2673, 0.2564, 0.2762),
    num_classes=100,
    label=("fine_label", "label"),
    augmentation=Augmentation(padding=4, flip=True),
)
