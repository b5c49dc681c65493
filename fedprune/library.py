"""fedprune's parts without a simulation: code one's own tensors, prune one's own module, compare masks.

The same code as in a run works here on arrays and modules that never saw a scenario; docs/library.md shows
each in ten lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fedprune.pruning.criteria import Evidence
from fedprune.pruning.criteria import criterion as criterion_named
from fedprune.pruning.granularity import Granularity, Scope, pools, prune_units
from fedprune.pruning.groups import ChannelGroup, channel_groups
from fedprune.pruning.mask import Mask
from fedprune.pruning.shrink import kept_indices, take
from fedprune.scenario import ScenarioError
from fedprune.scenario.sections import UplinkSection
from fedprune.seeds import generator
from fedprune.tickets.studies.overlap import compare
from fedprune.types import Arrays, Shapes, UserError
from fedprune.wire.codec import PARTS, Reference, decode_payload, encode_payload
from fedprune.wire.frame import pack, unpack
from fedprune.wire.pipeline import Keys, Pipeline

if TYPE_CHECKING:
    from torch import Tensor, nn


class Codec:
    """A codec by the keys of ``[uplink]``, for arrays of one's own: ``Codec(values="uniform", bits=4)``.

    It remembers nothing between messages, so ``feedback`` and ``base = "tracked"`` are refused.
    """

    def __init__(self, **keys: Any) -> None:
        """Raises ScenarioError for a key that ``[uplink]`` does not have, or a value that does not suit it,
        and UserError for a codec that remembers."""
        from pydantic import ValidationError

        try:
            self._pipeline = Pipeline.of(UplinkSection.model_validate(keys))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise ScenarioError(first["msg"], "uplink", ".".join(map(str, first["loc"]))) from None
        if self._pipeline.remembers:
            raise UserError(
                "a codec without a federation remembers nothing: leave out feedback and 'tracked'"
            )

    def encode(
        self,
        arrays: Mapping[str, Any],
        mask: Mask | None = None,
        *,
        held: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> bytes:
        """One message as a run would hand it to the transport, its frame and checksum included.

        Args:
            arrays: floats by name, of numpy or torch; matrices and kernels go through the codec, vectors
                travel exactly, as in a run.
            mask: the coordinates to send; it travels too. Without one everything is sent.
            held: values that the receiver holds already, for ``base = "update"`` and the mask coding
                "context".
            seed: keys the draws of stochastic rounding and of random rotations.

        Raises ValueError for values that are not finite, and for masks or held values of other shapes.
        """
        reference = Reference(Mask(), _numbers(held or {}))
        encoded = encode_payload(_numbers(arrays), mask, reference, self._pipeline, _keys(seed))
        return pack(encoded.parts)

    def decode(
        self,
        data: bytes,
        shapes: Mapping[str, Sequence[int]],
        *,
        masked: Sequence[str] = (),
        held: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> tuple[Arrays, Mask]:
        """The arrays of a message, float32 with zeros where they are pruned, and the mask that came along.

        Args:
            data: what ``encode`` gave.
            shapes: name -> shape of every array, which bytes never say.
            masked: the names that the sender's mask has entries for; none where no mask travels.
            held: the same values as at the sender.
            seed: the same seed as at the sender.

        Raises CodecError for bytes that are no such message.
        """
        expected: Shapes = {name: tuple(shape) for name, shape in shapes.items()}
        limit = 4096 + 16 * sum(int(np.prod(shape)) for shape in expected.values())
        decoded = decode_payload(
            unpack(data, PARTS, limit),
            expected,
            Reference(Mask(), _numbers(held or {})),
            {name: expected[name] for name in masked},
            bool(masked),
            self._pipeline,
            _keys(seed),
        )
        return decoded.arrays, decoded.mask


def prune(
    module: nn.Module,
    sparsity: float,
    *,
    criterion: str = "magnitude",
    granularity: Granularity = "weight",
    scope: Scope = "layer",
    mask: Mask | None = None,
    example: Tensor | None = None,
    seed: int = 0,
) -> Mask:
    """The mask of a module of one's own that leaves out a share of its units, the least important first.

    The module is left as it is: ``mask.apply`` or ``shrink`` make something of the mask.

    Args:
        module: any torch module; weights of convolutions, linear and recurrent layers and attention count.
        sparsity: share of the units that are pruned afterwards, those that ``mask`` has pruned included.
        criterion: a criterion that reads weights alone, such as "magnitude", "random" or "filter_l2".
        granularity: what goes as a whole: "weight", "kernel", "channel", or "layer" (a residual block).
        scope: the same share of each layer, or "global": all of them compete.
        mask: what is pruned already; nothing unless given.
        example: a batch that the module takes; needed for channels and layers, which are found by tracing.
        seed: keys the draws of the criterion "random".

    Raises UserError for a criterion that needs training data or is not there, and where channels are asked
    for without an example.
    """
    names, weights, groups = _described(module, example)
    if granularity in ("channel", "layer") and example is None:
        raise UserError(f"granularity '{granularity}' needs an example: a batch that the module takes")
    evidence = Evidence(
        names,
        groups,
        partial(_refuse, criterion),
        partial(_refuse, criterion),
        lambda: generator(seed, "prune"),
    )
    scores = criterion_named(criterion)(weights, evidence)
    shapes = {name: value.shape for name, value in weights.items()}
    return prune_units(
        Mask() if mask is None else mask, pools(granularity, names, groups), scores, sparsity, scope, shapes
    )


def shrink(module: nn.Module, mask: Mask, example: Tensor) -> nn.Module:
    """A copy of a module that holds zeros where ``mask`` prunes, without the channels that it leaves dead.

    ``example`` is a batch that the module takes; channels are found by tracing it.
    """
    from fedprune.models.modules import holding

    _, weights, groups = _described(module, example)
    shapes = {name: value.shape for name, value in weights.items()}
    return holding(module, take(mask.apply(weights), kept_indices(_Shaped(shapes, groups), mask)))


def compare_masks(masks: Sequence[Mask]) -> dict[str, Any]:
    """How much masks of one model overlap, against chance at the same densities: means over all pairs.

    ``jaccard`` and ``hamming`` stand beside what independent masks would have (``..._chance``), ``agreement``
    is the correlation of bits within layers (0 by chance, 1 for equal masks), ``z`` how many standard
    deviations the overlap lies above chance's. The study "overlap" of ``fedprune tickets`` has the formulas.

    Raises UserError for fewer than two masks, and for masks of different parameters or shapes.
    """
    if len(masks) < 2:
        raise UserError(f"{len(masks)} masks cannot be compared; give two or more of one model")
    shapes = [{name: kept.shape for name, kept in mask.items()} for mask in masks]
    if any(other != shapes[0] for other in shapes) or not shapes[0]:
        raise UserError("masks of different parameters or shapes cannot be compared; give masks of one model")
    return compare([np.stack([mask[name].reshape(-1) for mask in masks]) for name in shapes[0]])


@dataclass(frozen=True)
class _Shaped:
    """What of an architecture tells which indices a shrunk model keeps."""

    shapes: Shapes
    groups: tuple[ChannelGroup, ...] = field(default=())


def _refuse(name: str) -> Arrays:
    what = f"criterion '{name}' reads gradients or activations of training data, which only a run has"
    raise UserError(f"{what}; name another, such as 'magnitude'")


def _described(
    module: nn.Module, example: Tensor | None
) -> tuple[tuple[str, ...], Arrays, tuple[ChannelGroup, ...]]:
    """The prunable weights' names, all floating tensors, and the removable channels of a module."""
    from fedprune.models.modules import matrix_names, state

    tensors = {name: tensor for name, tensor in state(module).items() if tensor.is_floating_point()}
    groups = () if example is None else channel_groups(module, example)
    return matrix_names(module, embeddings=False), _numbers(tensors), groups


def _numbers(values: Mapping[str, Any]) -> Arrays:
    """Arrays or tensors as float32 arrays."""
    return {
        name: np.asarray(value.detach().cpu() if hasattr(value, "detach") else value, np.float32)
        for name, value in values.items()
    }


def _keys(seed: int) -> Keys:
    return Keys(seed=seed, way="up", round=1, client=0)
