"""``Metric``: what one field of a record holds; and the fields that come in groups."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """What one field of a record holds: its unit and its meaning."""

    unit: str
    meaning: str


def spread(name: str, meaning: str) -> dict[str, Metric]:
    """The three fields made of one score by ``summarise``."""
    return {
        name: Metric("score", f"{meaning}; mean over clients"),
        f"{name}_std": Metric("score", "its population standard deviation over clients"),
        f"{name}_worst10": Metric(
            "score", "its mean over the worst 10 % of clients (rounded up, at least one)"
        ),
    }


def bytes_of(direction: str, end: str) -> dict[str, Metric]:
    """The fields of one direction's bytes: their sum, and the parts that add up to it."""
    name, total = f"bytes_{direction}", f"`bytes_{direction}`"
    return {
        name: Metric("bytes", f"length of all that was handed to the transport, {end}"),
        f"{name}_values": Metric("bytes", f"part of {total}: encoded weights"),
        f"{name}_mask": Metric(
            "bytes", f"part of {total}: encoded masks, and which coordinates were chosen to travel"
        ),
        f"{name}_side": Metric("bytes", f"part of {total}: side information of quantizers (scales)"),
        f"{name}_overhead": Metric(
            "bytes", f"part of {total}: headers, reports and the transport's envelope"
        ),
    }


def interval(name: str) -> dict[str, Metric]:
    """The bounds of the mean over all clients of one score, where only a sample of them was asked."""
    bounds = {
        "low": f"lower bound of the 95 % t-interval of the mean of `{name}` over `clients_in_all`;"
        " null where all were asked",
        "high": "its upper bound; likewise",
    }
    return {f"{name}_{end}": Metric("score", meaning) for end, meaning in bounds.items()}
