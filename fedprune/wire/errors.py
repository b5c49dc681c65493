"""``CodecError``: bytes that arrived are not what the receiver expects."""

from __future__ import annotations


class CodecError(ValueError):
    """Malformed bytes from the other side; the message says which part and what is wrong with it.

    Raised by every ``decode`` and ``unpack`` under ``wire/`` whatever the bytes are. Faults of the caller
    (shapes that contradict each other, values that are not finite) raise plain ValueError instead.
    """
