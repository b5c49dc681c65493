"""Criteria, one per file: ``prune(weights, mask, amount, names) -> Mask`` for single weights,
``score(weights, group) -> array`` for whole channels (the lowest go first)."""
