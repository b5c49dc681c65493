"""Under ``flwr run`` fedprune is a bundle that Flower unpacked; server and clients have to use the same."""

from __future__ import annotations

import os
from pathlib import Path

from fedprune.plugins import PACKAGE


def stay_with_bundle() -> None:
    """Make the bundle's folder the working directory, when this package is in a bundle; else do nothing.

    Ray's actors import first of all from the working directory of the process that starts Ray. That is where
    ``flwr run .`` was called: clients would run what the checkout holds by now, and the server the bundle.
    """
    home = Path(os.environ.get("FLWR_HOME") or Path.home() / ".flwr")
    if PACKAGE.resolve().is_relative_to(home.resolve() / "apps"):
        os.chdir(PACKAGE.parent)
