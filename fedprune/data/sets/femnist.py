"""28x28 grayscale characters by 3,597 writers, 62 classes; a keyed tenth of each writer's is for testing."""

from __future__ import annotations

from fedprune.data.image_set import Augmentation, ImageSet

SET = ImageSet(
    repo="flwrlabs/femnist",
    mean=(0.9637,),
    std=(0.1597,),
    num_classes=62,
    label=("character", "label"),
    columns={"writer_id": ("writer_id",)},
    test_by="writer_id",
    # Dark strokes on a white page.
    augmentation=Augmentation(padding=2, border=255),
)
