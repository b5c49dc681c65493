"""Schedules: how sparse a client should be by now. Pure functions of round or step; none ever falls."""

from __future__ import annotations


def one_shot(round: int, *, begin: int, target: float) -> float:
    """Nothing before round ``begin``, all of ``target`` from then on."""
    return target if round >= begin else 0.0


def iterative(steps: int, *, step: float, target: float) -> float:
    """After ``steps`` that each prune the share ``step`` of what is alive; never beyond ``target``.

    That is 1 - (1 - step)^steps, as in iterative magnitude pruning (Frankle, Carbin; ICLR 2019).
    """
    return min(target, 1 - (1 - step) ** steps)


def gradual(round: int, *, begin: int, end: int, target: float) -> float:
    """Fast at first, when most is superfluous, then slower: zero until ``begin``, ``target`` from ``end`` on.

    target (1 - (1 - (round - begin) / (end - begin))^3): Zhu, Gupta; To Prune, or Not to Prune, 2017,
    https://arxiv.org/abs/1710.01878, equation 1 with an initial sparsity of zero. Needs begin <= end.
    """
    if round >= end:
        return target
    if round <= begin:
        return 0.0
    return target * (1 - (1 - (round - begin) / (end - begin)) ** 3)
