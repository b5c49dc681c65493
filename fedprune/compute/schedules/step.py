"""The learning rate drops at milestones and is constant between them.

As in He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016, which divides it by 10 at
a half and at three quarters of training on CIFAR-10.
"""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.compute.schedules import Schedule


@dataclass(frozen=True)
class Stairs(Schedule):
    """drop to the power of the number of milestones that are reached."""

    milestones: tuple[float, ...] = (0.5, 0.75)
    """Shares of all rounds or steps, in (0, 1) and rising, after which the rate drops."""
    drop: float = 0.1
    """What a milestone multiplies the rate by, in (0, 1]."""

    def __post_init__(self) -> None:
        if list(self.milestones) != sorted({share for share in self.milestones if 0 < share < 1}):
            raise ValueError(f"milestones: must rise and lie in (0, 1), got {list(self.milestones)}")
        if not 0 < self.drop <= 1:
            raise ValueError(f"drop: must lie in (0, 1], got {self.drop}")

    def factor(self, at: int, total: int) -> float:
        reached = sum(at >= share * total for share in self.milestones)
        return float(self.drop**reached)
