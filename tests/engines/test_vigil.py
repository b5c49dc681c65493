"""The watch over a worker ends those that are late or hang, and none that works or whose machine slept."""

from __future__ import annotations

import pytest

from fedprune.engines import vigil
from fedprune.engines.crew import LateError, LostError
from fedprune.engines.vigil import HUNG_S, LOOK_S, Vigil
from fedprune.types import Bounds


class Clock:
    """Time and a worker's processor time, both as the test says."""

    def __init__(self) -> None:
        self.now, self.used, self.used_by_children = 1000.0, 5.0, 0.0

    def cpu_seconds(self, *, with_children: bool) -> float | None:
        return self.used + (self.used_by_children if with_children else 0.0)

    def looks(
        self, watch: Vigil, seconds: float, *, share: float = 0.0, children: float = 0.0
    ) -> LostError | None:
        """A look every LOOK_S for so long; worker and children compute for these shares of the time."""
        for _ in range(int(seconds / LOOK_S)):
            self.now += LOOK_S
            self.used += share * LOOK_S
            self.used_by_children += children * LOOK_S
            if verdict := watch.look():
                return verdict
        return None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(vigil.time, "monotonic", lambda: made.now)
    return made


def test_a_worker_that_does_nothing_is_ended_after_twice_the_time(clock: Clock) -> None:
    watch = Vigil(clock, Bounds())
    assert clock.looks(watch, 2 * HUNG_S - 5) is None
    assert "did nothing for 120 s" in str(clock.looks(watch, 10))


def test_the_second_look_for_its_driver_that_an_idle_worker_takes_is_no_work(clock: Clock) -> None:
    assert clock.looks(Vigil(clock, Bounds()), 3 * HUNG_S, share=1e-4) is not None


def test_honest_work_may_take_as_long_as_it_takes(clock: Clock) -> None:
    assert clock.looks(Vigil(clock, Bounds()), 100 * HUNG_S, share=0.01) is None


def test_a_worker_may_wait_for_a_process_that_it_started(clock: Clock) -> None:
    assert clock.looks(Vigil(clock, Bounds()), 100 * HUNG_S, children=0.5) is None


def test_a_pause_in_the_work_is_forgotten_when_it_goes_on(clock: Clock) -> None:
    watch = Vigil(clock, Bounds())
    for _ in range(20):
        assert clock.looks(watch, 1.5 * HUNG_S) is None
        assert clock.looks(watch, 2 * LOOK_S, share=0.5) is None


def test_a_machine_that_slept_ends_nobody(clock: Clock) -> None:
    watch = Vigil(clock, Bounds())
    clock.looks(watch, HUNG_S / 2)
    for _ in range(3):
        clock.now += 8 * 3600
        assert watch.look() is None


def test_a_limit_counts_from_the_beginning_and_is_all_that_counts(clock: Clock) -> None:
    watch = Vigil(clock, Bounds(seconds=5 * HUNG_S))
    assert clock.looks(watch, 5 * HUNG_S - 1) is None
    verdict = clock.looks(watch, 1)
    assert isinstance(verdict, LateError)
    assert str(verdict) == "no reply within 300 s"


def test_the_next_look_is_never_after_the_limit(clock: Clock) -> None:
    watch = Vigil(clock, Bounds(seconds=1.25))
    assert watch.due() == LOOK_S
    clock.now += 1
    assert watch.due() == pytest.approx(0.25)
    clock.now += 1
    assert watch.due() == 0


def test_whose_processor_time_nobody_can_tell_is_left_alone(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "cpu_seconds", lambda with_children: None)
    assert clock.looks(Vigil(clock, Bounds()), 10 * HUNG_S) is None
