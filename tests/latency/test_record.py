"""Which client's latency a run records."""

from __future__ import annotations

from fedprune.latency.record import typical


def test_the_typical_client_has_the_median_of_multiply_adds() -> None:
    final = [{"client": client, "multiply_adds": cost} for client, cost in enumerate([9, 2, 5, 5, 7, 1])]
    assert typical(final) == 2
    assert typical(final[:1]) == 0
