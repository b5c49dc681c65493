"""28x28 grayscale handwritten digits, 10 classes, 60,000 training and 10,000 test samples."""

from __future__ import annotations

from fedprune.data.image_set import Augmentation, ImageSet

SET = ImageSet(
    repo="ylecun/mnist",
    mean=(0.1307,),
    std=(0.3081,),
    num_classes=10,
    augmentation=Augmentation(padding=2),
)
