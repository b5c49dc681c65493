"""The codecs between the server and one client in one round, and what both know of each other between rounds.

Both sides keep a ``Known`` for each client, the client in its state, the server in its own. A version of it
counts once the server has accepted the reply of its round, on both sides alike: orders name the last accepted
round, so a client that fails goes on from the version before, and so does the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fedprune.federation.site import Site
from fedprune.pruning.mask import Mask
from fedprune.strategy import Payload
from fedprune.types import Arrays, Shapes
from fedprune.wire.codec import Common, Decoded, Encoded, decode_payload, encode_payload
from fedprune.wire.pipeline import Keys, Part, Way


@dataclass(frozen=True)
class Known:
    """What server and client both know after an accepted round; empty before the first."""

    shared: Mask = field(default_factory=Mask)
    """The client's mask, as both know it."""
    held: Arrays = field(default_factory=dict)
    """What the client last received, as decoded, where orders are coded with its help."""
    up: Arrays = field(default_factory=dict)
    """What both track of replies."""
    down: Arrays = field(default_factory=dict)
    """What both track of orders."""


@dataclass(frozen=True)
class Link:
    """One client in one round, from either end."""

    here: Site
    client: int
    round: int
    known: Known

    def send_down(self, payload: Payload, residual: Arrays) -> Encoded:
        """Server: an order's parts."""
        pipeline = self.here.downlink
        return encode_payload(
            payload.arrays, payload.mask, self._before_down(), pipeline, self._keys("down"), residual
        )

    def receive_down(self, parts: Mapping[str, Part]) -> Decoded:
        """What an order's parts say, on both sides. Raises CodecError."""
        here = self.here
        expected = here.strategy.part(here.travelling, "down", self.round)
        return decode_payload(
            parts,
            expected,
            self._before_down(),
            here.maskable,
            "mask" in parts,
            here.downlink,
            self._keys("down"),
        )

    def send_up(self, payload: Payload, received: Decoded, residual: Arrays) -> Encoded:
        """Client: a reply's parts."""
        before, keys = self._before_up(received), self._keys("up")
        return encode_payload(payload.arrays, payload.mask, before, self.here.uplink, keys, residual)

    def receive_up(self, parts: Mapping[str, Part], expected: Shapes, received: Decoded) -> Decoded:
        """Server: what a reply's parts say. Raises CodecError."""
        here, before = self.here, self._before_up(received)
        return decode_payload(
            parts, expected, before, here.maskable, "mask" in parts, here.uplink, self._keys("up")
        )

    def after(self, received: Decoded, mask: Mask, tracked: Arrays) -> Known:
        """What both know once the reply is accepted: its mask, and what is tracked of it."""
        held = self.known.held
        if self.here.downlink.uses_held:
            held = held | {name: value for name, value in received.arrays.items() if value.ndim > 1}
        return Known(mask, held, tracked, received.tracked)

    def _keys(self, way: Way) -> Keys:
        return Keys(self.here.scenario.run.seed, way, self.round, self.client)

    def _before_down(self) -> Common:
        """A newcomer holds the initial weights, which never travel."""
        here, held = self.here, {}
        if here.downlink.uses_held:
            initial = {
                name: here.initial[name]
                for name, shape in here.travelling.items()
                if name in here.initial and here.initial[name].shape == tuple(shape)
            }
            held = initial | self.known.held
        return Common(self.known.shared, held, self.known.down)

    def _before_up(self, received: Decoded) -> Common:
        held = received.arrays if self.here.uplink.uses_held else {}
        return Common(received.mask, held, self.known.up)
