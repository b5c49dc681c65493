"""The codecs between the server and one client in one round, and what both of them know between rounds.

Both sides keep a ``SharedMemory`` for each client, the client in its state and the server in its own. A
version of it counts once the server has accepted the reply of its round, on both sides alike: an order names
the last accepted round, so after a failure the client goes on from the version before, as does the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fedprune.federation.experiment import Experiment
from fedprune.pruning.mask import Mask
from fedprune.strategy import Payload
from fedprune.types import Arrays, Shapes, Way
from fedprune.wire.codec import Decoded, Encoded, Reference, decode_payload, encode_payload
from fedprune.wire.errors import CodecError
from fedprune.wire.pipeline import Keys, Part


@dataclass(frozen=True)
class SharedMemory:
    """What server and client both know of each other after an accepted round; empty before the first."""

    mask: Mask = field(default_factory=Mask)
    """The client's mask, as the server knows it too: what its next order comes on."""
    held: Arrays = field(default_factory=dict)
    """What the client last received, as decoded, where orders are coded with its help."""
    up: Arrays = field(default_factory=dict)
    """What both sides track of replies."""
    down: Arrays = field(default_factory=dict)
    """What both sides track of orders."""


@dataclass
class Common:
    """What a round's orders have in common: the payload that was encoded last and is nobody's in particular.

    A dense method sends every client the same arrays, and coding them takes longer than all else of an order.
    """

    arrays: Arrays = field(default_factory=dict)
    encoded: Encoded | None = None

    def of(self, arrays: Arrays) -> Encoded | None:
        """The encoded payload when it is that of these very arrays, else None."""
        same = self.arrays.keys() == arrays.keys() and all(
            self.arrays[name] is value for name, value in arrays.items()
        )
        return self.encoded if same else None


@dataclass(frozen=True)
class Link:
    """One client in one round, from either end."""

    experiment: Experiment
    client: int
    round: int
    shared: SharedMemory
    """What both sides know before the round."""

    def send_down(self, payload: Payload, residual: Arrays, common: Common) -> Encoded:
        """Server: an order's parts.

        Args:
            payload: what the strategy has for the client.
            residual: what the client did not get of earlier orders.
            common: of the round's orders; not encoded again where this one is no different.
        """
        pipeline, before, keys = self.experiment.downlink, self._before_down(), self._keys("down")
        whole = payload.mask is None and not before.mask
        impersonal = whole and not (pipeline.uses_held or pipeline.remembers)
        if impersonal and (known := common.of(payload.arrays)):
            return known
        encoded = encode_payload(payload.arrays, payload.mask, before, pipeline, keys, residual)
        if impersonal and not keys.drawn:
            common.arrays, common.encoded = payload.arrays, encoded
        return encoded

    def receive_down(self, parts: Mapping[str, Part]) -> Decoded:
        """Client: what an order's parts say. Raises CodecError."""
        experiment = self.experiment
        expected = experiment.strategy.part(experiment.travelling, "down", self.round)
        before, keys, travels = self._before_down(), self._keys("down"), self._mask_travels(parts)
        return decode_payload(
            parts, expected, before, experiment.maskable, travels, experiment.downlink, keys
        )

    def received_by_client(self, payload: Payload, encoded: Encoded) -> Decoded:
        """Server: what ``receive_down`` gives the client; the mask alone where no values are needed."""
        if self.experiment.uplink.uses_held or self.experiment.downlink.uses_held:
            return self.receive_down(encoded.parts)
        return Decoded({}, self.shared.mask if payload.mask is None else payload.mask, {})

    def send_up(self, payload: Payload, received: Decoded, residual: Arrays) -> Encoded:
        """Client: a reply's parts; ``residual`` is what the server did not get of earlier replies."""
        before, keys, pipeline = self._before_up(received), self._keys("up"), self.experiment.uplink
        encoded = encode_payload(payload.arrays, payload.mask, before, pipeline, keys, residual)
        if payload.next_mask is None:
            return encoded
        now = before.mask if payload.mask is None else payload.mask
        coded = pipeline.coding.encode(payload.next_mask, now, before.held)
        return replace(encoded, parts={**encoded.parts, "next": coded})

    def receive_up(self, parts: Mapping[str, Part], expected: Shapes, received: Decoded) -> Decoded:
        """Server: what a reply's parts say. Raises CodecError."""
        experiment, before = self.experiment, self._before_up(received)
        keys, travels = self._keys("up"), self._mask_travels(parts)
        pipeline = experiment.uplink
        decoded = decode_payload(parts, expected, before, experiment.maskable, travels, pipeline, keys)
        if "next" not in parts:
            return decoded
        if not experiment.maskable:
            raise CodecError("next mask: it should not travel")
        coming = pipeline.coding.decode(parts["next"], experiment.maskable, decoded.mask, before.held)
        return replace(decoded, next_mask=coming)

    def after(self, received: Decoded, mask: Mask, next_mask: Mask | None, tracked: Arrays) -> SharedMemory:
        """What both know once the reply is accepted.

        Args:
            received: the order, as the client decoded it.
            mask: that of the reply's values.
            next_mask: the one that the reply announces, if it does; it takes the other's place.
            tracked: what is tracked of the reply.
        """
        held = self.shared.held
        if self.experiment.downlink.uses_held:
            held = held | {name: value for name, value in received.arrays.items() if value.ndim > 1}
        return SharedMemory(mask if next_mask is None else next_mask, held, tracked, received.tracked)

    def _mask_travels(self, parts: Mapping[str, Part]) -> bool:
        """Whether a mask is to be read: the sender decides in each message, but a dense method has none."""
        return bool(self.experiment.maskable) and "mask" in parts

    def _keys(self, way: Way) -> Keys:
        return Keys(self.experiment.scenario.run.seed, way, self.round, self.client)

    def _before_down(self) -> Reference:
        """A newcomer holds the initial weights, which never travel."""
        experiment, held = self.experiment, {}
        if experiment.downlink.uses_held:
            initial = {
                name: experiment.initial[name]
                for name, shape in experiment.travelling.items()
                if name in experiment.initial and experiment.initial[name].shape == tuple(shape)
            }
            held = initial | self.shared.held
        return Reference(self.shared.mask, held, self.shared.down)

    def _before_up(self, received: Decoded) -> Reference:
        held = received.arrays if self.experiment.uplink.uses_held else {}
        return Reference(received.mask, held, self.shared.up)
