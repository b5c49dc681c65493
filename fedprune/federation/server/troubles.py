"""What ``[faults]`` does to a round of training on the server's side; see ``fedprune.faults``.

Every trouble takes the way that the real one takes: a client that drops out gets no order, a corrupted reply
is decoded, a late one is there and does not count. A crash happens where the client's code runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fedprune.faults import strikes
from fedprune.federation.protocol.messages import Report, read, write
from fedprune.federation.server.conversation import Conversation, Incoming
from fedprune.federation.server.round import Exchange, Outcome, Round
from fedprune.scenario.sections import FaultsSection
from fedprune.seeds import generator
from fedprune.wire.errors import CodecError


@dataclass(frozen=True)
class Troubles:
    """The troubles of one run."""

    faults: FaultsSection
    seed: int

    def on(self, exchange: Exchange) -> Exchange:
        """``exchange`` with what goes wrong on the way; itself where nothing does."""
        faults = self.faults
        if not (faults.dropout or faults.corrupt or faults.replay):
            return exchange

        def troubled(conversations: Iterable[Conversation]) -> Iterator[tuple[Conversation, Incoming]]:
            dropped: list[Conversation] = []

            def asked() -> Iterator[Conversation]:
                for each in conversations:
                    if self._strikes("dropout", each):
                        dropped.append(each)
                    else:
                        yield each

            for conversation, reply in exchange(asked()):
                yield conversation, self._arrived(conversation, reply)
            for conversation in dropped:
                yield conversation, Incoming(None, "dropped out before it got its order", 0, "dropped")

        return troubled

    def waited(self, played: Round, outcome: Outcome) -> float | None:
        """Simulated seconds that the server waited in vain for a client, up to the deadline; None if it did
        not, or would wait for ever."""
        missed = {"dropped", "late"} & set(outcome.fates.values())
        enough = len(outcome.accepted) >= played.federation.scenario.run.clients_per_round
        return self.faults.deadline if missed and not enough else None

    def _strikes(self, kind: str, conversation: Conversation) -> bool:
        share: float = getattr(self.faults, kind)
        link = conversation.link
        return strikes(kind, share, seed=self.seed, round=link.round, client=link.client)

    def _arrived(self, conversation: Conversation, reply: Incoming) -> Incoming:
        """The reply as it arrives."""
        if reply.blob is None:
            return reply
        blob, link = reply.blob, conversation.link
        if link.round > 1 and self._strikes("replay", conversation):
            blob = _of_the_round_before(blob)
        if self._strikes("corrupt", conversation):
            rng = generator(self.seed, "flipped bit", round=link.round, client=link.client)
            blob = _flipped(blob, int(rng.integers(8 * len(blob))))
        return replace(reply, blob=blob)


def _of_the_round_before(blob: bytes) -> bytes:
    try:
        report, parts = read(Report, blob)
    except CodecError:
        return blob  # It is refused for that.
    whole = {name: bytes(part) for name, part in parts.items()}
    return write(replace(report, round=report.round - 1), whole)[0]


def _flipped(blob: bytes, bit: int) -> bytes:
    changed = bytearray(blob)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
