"""JSON lines: one record a line, appended as a run goes; a resume cuts the file back to its checkpoint."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fedprune.runs.fields import misfit
from fedprune.runs.files import RunError, explained, open_regular, read_all, read_file, write_all


class JsonLines:
    """An open file of JSON lines to append to, made when missing; a torn last line is cut off.

    Each line reaches the operating system before ``append`` returns, so it outlives a kill of the process.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with explained("open", path):
            self._descriptor = open_regular(path, os.O_RDWR | os.O_CREAT)
            whole = read_all(self._descriptor)
            whole = whole[: whole.rfind(b"\n") + 1]
        self._offset, self._digest = len(whole), hashlib.sha256(whole)
        self._cut()

    @property
    def offset(self) -> int:
        """Length of the file in bytes: what a checkpoint records for ``truncate``."""
        return self._offset

    @property
    def digest(self) -> str:
        """The sha256 of the whole file, in hex digits: what a checkpoint records for ``check``."""
        return self._digest.hexdigest()

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
                self._cut()
                raise
        self._offset += len(line)
        self._digest.update(line)

    def check(self, offset: int, digest: str) -> None:
        """Raises RunError unless ``digest`` was that of the file when it was ``offset`` bytes long."""
        if self._digest_until(offset).hexdigest() != digest:
            raise RunError(f"{self.path} was changed: its first {offset} bytes are not what was written")

    def truncate(self, offset: int) -> None:
        """Cuts the file back to ``offset`` bytes, an earlier value of ``offset``.

        Raises RunError when the file is shorter or no line ends there: it is not the file of then.
        """
        self._digest = self._digest_until(offset)
        self._offset = offset
        with explained("cut back", self.path):
            self._cut()

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _digest_until(self, offset: int) -> hashlib._Hash:
        with explained("read", self.path):
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            data = read_all(self._descriptor)
            os.lseek(self._descriptor, 0, os.SEEK_END)
        if not 0 <= offset <= len(data) or (offset and data[offset - 1 : offset] != b"\n"):
            raise RunError(
                f"{self.path} was changed or cut: no line ends at byte {offset} as its checkpoint says;"
                " start the run again with --force"
            )
        return hashlib.sha256(data[:offset])

    def _cut(self) -> None:
        os.ftruncate(self._descriptor, self._offset)
        os.lseek(self._descriptor, self._offset, os.SEEK_SET)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a file that may be under way: a torn last line is left out, a missing file has none.

    Raises RunError for any other line that is not a JSON object, or not what such a file records.
    """
    with explained("read", path):
        data = read_file(path) if os.path.lexists(path) else b""
    records = []
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise RunError(f"{path}, line {number}: not a JSON object; the file is damaged")
        if field := misfit(path.name, record):
            raise RunError(f"{path}, line {number}: '{field}' is not what it should be; the file is damaged")
        records.append(record)
    return records
