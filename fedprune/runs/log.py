"""JSON lines: one record a line, appended as a run goes; a resume cuts the file back to its checkpoint."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fedprune.runs.files import RunError, explained, write_all


class JsonLines:
    """An open file of JSON lines to append to, made when missing; a torn last line is cut off.

    Each line reaches the operating system before ``append`` returns, so it outlives a kill of the process.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with explained("open", path):
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(path, flags, 0o666)
            self._offset = path.read_bytes().rfind(b"\n") + 1
        self.truncate(self._offset)

    @property
    def offset(self) -> int:
        """Length of the file in bytes: what a checkpoint records for ``truncate``."""
        return self._offset

    def append(self, record: Mapping[str, Any]) -> None:
        """Adds one line, keys in the given order.

        Raises ValueError for NaN or infinity (JSON has neither) and RunError when the disk refuses; no part
        of the line is then left.
        """
        line = json.dumps(record, allow_nan=False).encode() + b"\n"
        with explained("write", self.path):
            try:
                write_all(self._descriptor, line)
            except OSError:
                self.truncate(self._offset)
                raise
        self._offset += len(line)

    def truncate(self, offset: int) -> None:
        """Cuts the file back to ``offset`` bytes, an earlier value of ``offset``.

        Raises RunError when the file is shorter or no line ends there: it is not the file of then.
        """
        with explained("cut back", self.path):
            length = os.fstat(self._descriptor).st_size
            fits = 0 <= offset <= length
            if not fits or (offset and os.pread(self._descriptor, 1, offset - 1) != b"\n"):
                raise RunError(
                    f"{self.path} was changed or cut: no line ends at byte {offset} as its checkpoint says;"
                    " start the run again with --force"
                )
            os.ftruncate(self._descriptor, offset)
            os.lseek(self._descriptor, offset, os.SEEK_SET)
        self._offset = offset

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a file that may be under way: a torn last line is left out, a missing file has none.

    Raises RunError for any other line that is not a JSON object.
    """
    with explained("read", path):
        data = path.read_bytes() if path.exists() else b""
    records = []
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise RunError(f"{path}, line {number}: not a JSON object; the file is damaged")
        records.append(record)
    return records
