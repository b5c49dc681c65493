"""A Ray that a run starts for itself has only what runs clients; one with other names starts as it would."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import psutil
import pytest

from fedprune.engines.bare_head import LEFT_OUT, bare_heads
from fedprune.engines.crews.ray import Ray
from fedprune.engines.grid import open_grid


def test_a_ray_without_that_private_name_is_left_as_it_is() -> None:
    ray = SimpleNamespace(_private=SimpleNamespace())
    with bare_heads(ray):
        assert vars(ray._private) == {}


def test_rays_own_class_is_back_even_after_a_failure() -> None:
    module = SimpleNamespace(Node=SimpleNamespace)
    failing = pytest.raises(OSError, match="no disk")
    with failing, bare_heads(SimpleNamespace(_private=SimpleNamespace(node=module))):
        assert module.Node is not SimpleNamespace
        raise OSError("no disk")
    assert module.Node is SimpleNamespace


@pytest.mark.cluster
def test_this_ray_starts_what_is_left_out_by_those_names() -> None:
    node = pytest.importorskip("ray._private.node").Node
    assert all(callable(getattr(node, name)) for name in LEFT_OUT)


@pytest.mark.cluster
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("_importable_app")
def test_a_ray_of_its_own_has_no_dashboard_no_autoscaler_and_no_log_monitor() -> None:
    before = set(_commands())
    with open_grid(Ray(actors=1), client_app="echo_app:app", nodes=1) as grid:
        assert grid.described()["actors"] == 1
        started = " ".join(set(_commands()) - before)
    assert "raylet" in started
    for left_out in ("dashboard.py", "log_monitor.py", "monitor.py"):
        assert left_out not in started


def _commands() -> Iterator[str]:
    """The command lines of all processes below this one."""
    for process in psutil.Process().children(recursive=True):
        try:
            yield " ".join(process.cmdline())
        except psutil.Error:
            continue
