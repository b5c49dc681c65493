"""``python -m fedprune.reference FOLDER``: write the pages of the reference into a folder."""

from __future__ import annotations

import sys
from pathlib import Path

from fedprune.reference import pages


def main(target: str) -> None:
    """Write every page, and remove pages of plug-ins and sections that are gone."""
    folder, made = Path(target), pages()
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
