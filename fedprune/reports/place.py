"""Where a report goes that is given no name, and what of reports a pattern for runs finds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from fedprune.reports.figures import slug
from fedprune.runs.folder import is_run

SUFFIX = ".html"
FOLDER = "reports"
"""The folder beside runs that holds the reports on them: ``runs/quickstart-*`` finds runs alone."""
FILES = (SUFFIX, ".csv", ".parquet", ".svg", ".png")
"""Files of reports. With ``--out runs.html`` tables and pictures lie among the runs."""
KEPT = "results.parquet"
"""A table that every report has in the folder beside it, by which such a folder is known."""


def own_place(folders: Sequence[Path], names: Sequence[str]) -> Path:
    """The report's path in ``reports`` beside the first of these runs, whose scenarios have these ``names``.

    Its name ends in eight hexadecimal digits that stand for the set of runs: a report on other runs has
    another name, and one made again on the same runs takes the place of the earlier one.
    """
    beside = Path(os.path.normpath(folders[0] / ".."))
    runs = sorted(os.path.relpath(folder.resolve(), beside.resolve()) for folder in folders)
    digest = hashlib.sha256("\n".join(runs).encode()).hexdigest()[:8]
    return beside / FOLDER / f"{slug('-'.join(names))}-{digest}{SUFFIX}"


def is_part(path: Path) -> bool:
    """Whether ``path`` is a report, the tables beside one, or the folder of reports, and so no run.

    A pattern such as ``runs/*`` finds them next to run folders. Raises RunError where nobody may look.
    """
    if path.suffix in FILES and path.is_file():
        return True
    return path.is_dir() and not is_run(path) and (path.name == FOLDER or (path / KEPT).is_file())
