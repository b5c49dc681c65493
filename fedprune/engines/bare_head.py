"""A Ray of one machine without the processes that serve clusters and people, which take half of its start.

This is the only file that knows private names of Ray's. Ray itself is handed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LEFT_OUT = ("start_monitor", "start_log_monitor", "start_api_server")
"""Methods of Ray's ``Node`` that start the autoscaler, the process that carries what workers print to the
driver, and the dashboard. ``ray.init`` waits seconds for the last one, even where no dashboard is wanted."""


@contextmanager
def bare_heads(ray: Any) -> Iterator[None]:
    """Inside, a Ray that ``ray.init`` starts has none of these processes.

    A Ray that starts them by other names starts all of them, which costs seconds and nothing else.
    """
    module: Any = getattr(ray._private, "node", None)
    node = getattr(module, "Node", None)
    if node is None:
        yield
        return
    module.Node = type("BareNode", (node,), dict.fromkeys(LEFT_OUT, _start_nothing))
    try:
        yield
    finally:
        module.Node = node


def _start_nothing(node: Any, **options: Any) -> None:
    """Stands for a method that would start a process."""
