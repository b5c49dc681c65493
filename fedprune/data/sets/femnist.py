"""28x28 grayscale characters by 3,597 writers, 62 classes; a keyed tenth of each writer's is for testing."""

from __future__ import annotations

from fedprune.data.declared import HubSet
from fedprune.data.schema import Augmentation, Features, Targets

SET = HubSet(
    repo="flwrlabs/femnist",
    features=Features(
        shape=(1, 28, 28),
        mean=(0.9637,),
        std=(0.1597,),
        # Dark strokes on a white page.
        augmentation=Augmentation(padding=2, border=255),
    ),
    targets=Targets(classes=62),
    y=("character", "label"),
    columns={"writer_id": ("writer_id",)},
    client_key="writer_id",
)
