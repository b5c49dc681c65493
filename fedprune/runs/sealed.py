"""JSON lines that a resume may trust: each carries a digest of itself and of what it is about."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fedprune.runs.files import explained, read_file
from fedprune.runs.log import JsonLines

_SEAL = "seal"


class SealedLines:
    """A file of JSON lines that only gives back what was written into it about one thing, undamaged.

    A line that was damaged, or that is about something else, as in a file from another run, is passed over:
    whoever wrote it can do the work once more. Use it in a ``with``.
    """

    def __init__(self, path: Path, about: str) -> None:
        """Open the file, which is made when missing.

        Args:
            path: the file.
            about: names what the records are of, down to whatever else would make them others.
        """
        self._lines, self._about = JsonLines(path), about

    def read(self) -> list[dict[str, Any]]:
        """The records about this in the order in which they were appended."""
        path = self._lines.path
        with explained("read", path):
            data = read_file(path)
        found = (_parsed(line) for line in data.splitlines())
        return [record for record in found if record.pop(_SEAL, None) == self._seal(record)]

    def append(self, record: Mapping[str, Any]) -> None:
        """Add a record, which outlives a kill of the process. Raises RunError when the disk refuses."""
        self._lines.append({_SEAL: self._seal(record), **record})

    def _seal(self, record: Mapping[str, Any]) -> str:
        text = json.dumps([self._about, record], allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()


def _parsed(line: bytes) -> dict[str, Any]:
    """The line's JSON object; an empty one, which no seal fits, when it holds none."""
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
