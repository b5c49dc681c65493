"""``Pipeline``: the codec of one direction, as the scenario names it; and the stage that codes values.

Both sides make the same pipeline from the scenario: no byte of a message ever chooses a stage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from fedprune import plugins
from fedprune.scenario.sections.codec import Base, CodecSection, Feedback
from fedprune.seeds import generator
from fedprune.types import Way
from fedprune.wire.entropy_coders import EntropyCoder
from fedprune.wire.errors import CodecError
from fedprune.wire.finite import is_finite, require_finite
from fedprune.wire.quantizers import Quantized, Quantizer, Slot, Values
from fedprune.wire.quantizers.fp32 import Fp32

Part = bytes | memoryview


@dataclass
class Keys:
    """The keys from which the random numbers of one message are drawn, on both sides alike."""

    seed: int
    way: Way
    round: int
    client: int
    drawn: bool = field(default=False, init=False, compare=False)
    """Whether anything was drawn: if not, the message is what any other client's would be."""

    def noise(self) -> np.random.Generator:
        """The generator that only the sender draws from, for stochastic rounding."""
        return self._generator("noise")

    def shared(self) -> np.random.Generator:
        """The generator that both sides draw from alike, for random rotations."""
        return self._generator("shared")

    def _generator(self, purpose: str) -> np.random.Generator:
        self.drawn = True
        return generator(self.seed, f"{self.way}link {purpose}", round=self.round, client=self.client)


_UNLESS_GIVEN: dict[str, Any] = {key: of.default for key, of in CodecSection.model_fields.items()}


@dataclass(frozen=True)
class Pipeline:
    """One direction's stages: the keys of its section, and the quantizer that the key ``values`` names.

    ``CodecSection`` says what each key means and what may stand there; see docs/codecs.md.
    """

    mask: str = _UNLESS_GIVEN["mask"]
    quantizer: Quantizer = field(default_factory=Fp32)
    entropy: str = _UNLESS_GIVEN["entropy"]
    base: Base = _UNLESS_GIVEN["base"]
    step: float = _UNLESS_GIVEN["step"]
    sparsify: float = _UNLESS_GIVEN["sparsify"]
    feedback: Feedback = _UNLESS_GIVEN["feedback"]

    @classmethod
    def of(cls, section: CodecSection) -> Pipeline:
        """The pipeline that a section asks for, with the quantizer's own keys handed to the quantizer."""
        stages = {key: getattr(section, key) for key in CodecSection.own_keys() if key != "values"}
        return cls(quantizer=plugins.dataclass_of("quantizers", section.values)(**section.fields), **stages)

    @cached_property
    def coding(self) -> Any:
        """The module of the mask coding that ``mask`` names."""
        return plugins.load("mask_codings", self.mask)

    @property
    def uses_held(self) -> bool:
        """Whether the receiver needs what both sides hold."""
        return self.base != "weights" or getattr(self.coding, "USES_WEIGHTS", False)

    @property
    def remembers(self) -> bool:
        """Whether a message depends on those before it, so that the sender must know what was decoded."""
        return self.base == "tracked" or self.feedback == "residual"

    def encode_values(self, values: Sequence[Values], slots: Sequence[Slot], keys: Keys) -> dict[str, bytes]:
        """Code values as the parts "values" and "side"; a part that is empty is left out.

        Raises ValueError for NaN and infinities.
        """
        for value in values:
            require_finite(value)
        values, slots = _there(values, slots)
        if not slots:
            return {}
        quantized = self.quantizer.quantize(values, slots, keys.noise, keys.shared)
        coded = self._coder.encode(quantized.symbols, self.quantizer.alphabets(slots))
        parts = {"values": coded, "side": quantized.side}
        return {name: part for name, part in parts.items() if part}

    def decode_values(self, parts: Mapping[str, Part], slots: Sequence[Slot], keys: Keys) -> list[Values]:
        """Decode the values of each slot as new arrays of finite float32.

        Raises CodecError on bytes that are anything else.
        """
        data, side = parts.get("values", b""), parts.get("side", b"")
        asked = [slot for slot in slots if slot.size]
        expected = self.quantizer.side_bytes(asked) if asked else 0
        if len(side) != expected:
            raise CodecError(f"side: {len(side)} bytes, {expected} are expected")
        if not asked:
            if len(data):
                raise CodecError(f"values: {len(data)} bytes, 0 are expected")
            return [np.empty(0, np.float32) for _ in slots]
        symbols = self._coder.decode(data, self.quantizer.alphabets(asked))
        # Scales that cannot be may overflow on their way to what is refused below.
        with np.errstate(over="ignore", invalid="ignore"):
            found = self.quantizer.dequantize(Quantized(symbols, bytes(side)), asked, keys.shared)
        if not all(map(is_finite, found)):
            raise CodecError("NaN or inf in values")
        pieces = iter(found)
        return [next(pieces) if slot.size else np.empty(0, np.float32) for slot in slots]

    @cached_property
    def _coder(self) -> EntropyCoder:
        coder: EntropyCoder = plugins.load("entropy_coders", self.entropy)
        return coder


def _there(values: Sequence[Values], slots: Sequence[Slot]) -> tuple[list[Values], list[Slot]]:
    """The values and slots without those slots that hold no coordinate."""
    kept = [(value, slot) for value, slot in zip(values, slots, strict=True) if slot.size]
    return [value for value, _ in kept], [slot for _, slot in kept]
