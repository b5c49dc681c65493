"""The lock file of an artifact: every installed package with its version, as pip reads it."""

from __future__ import annotations

import json
import re
from importlib.metadata import Distribution, distributions


def lock() -> str:
    """One line ``name==version`` a package, sorted; one that no index has is a comment.

    fedprune itself is left out: an artifact carries its code.
    """
    found = {_plain(each.name): each for each in distributions() if each.name}
    return "".join(f"{_line(found[name])}\n" for name in sorted(found) if name != "fedprune")


def _line(package: Distribution) -> str:
    # A build's own label, as in 2.13.0+cpu, is on no index; whatever build there is has the version.
    version, _, build = package.version.partition("+")
    line = f"{package.name}=={version}" + (f"  # +{build}" if build else "")
    # PEP 610: what was not installed from an index says from where.
    origin = package.read_text("direct_url.json")
    return f"# {line}, from {json.loads(origin).get('url')}" if origin else line


def _plain(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
