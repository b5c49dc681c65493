"""28x28 grayscale articles of clothing, 10 classes, 60,000 training and 10,000 test samples."""

from __future__ import annotations

from fedprune.data.image_set import Augmentation, ImageSet

SET = ImageSet(
    repo="zalando-datasets/fashion_mnist",
    mean=(0.2860,),
    std=(0.3530,),
    num_classes=10,
    augmentation=Augmentation(padding=2, flip=True),
)
