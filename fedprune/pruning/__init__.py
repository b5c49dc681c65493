"""Pruning: masks by parameter name, criteria that shrink them, channels that go as a whole, and models
that become physically smaller."""
