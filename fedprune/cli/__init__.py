"""``fedprune``: thin verbs over the public Python API.

Exit status: 0 done, 1 the machine failed (say, a full disk), 2 the user can mend it, 3 done but for clients
that the final evaluation lacks, 130 interrupted, 143 terminated, 141 nobody reads the output any more.
Imports at module level stay light, so that ``--help`` answers at once.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from fedprune.cli.completion import complete
from fedprune.cli.parser import parser
from fedprune.cli.verbs import MissingClientsError
from fedprune.types import UserError, printable


class Terminated(KeyboardInterrupt):
    """SIGTERM, handled like an interrupt so that a run ends in the same orderly way."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        # A name that is no text, as of a file, is shown escaped rather than ending the program.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return exit_status(lambda: _run(argv))


def exit_status(action: Callable[[], None]) -> int:
    """Do what a command does, and say on stderr in one line what went wrong with it; its exit status."""
    try:
        with _sigterm_interrupts():
            action()
            sys.stdout.flush()
    except MissingClientsError as error:
        return _complain(str(error), 3)
    except UserError as error:
        return _complain(str(error), 2)
    except KeyboardInterrupt as stop:
        print(f"fedprune: {printable(str(stop)) or 'stopped'}", file=sys.stderr)
        return 143 if isinstance(stop, Terminated) else 130
    except BrokenPipeError:
        # The reader left. Python flushes stdout once more at exit, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _complain(printable(f"{where}{error.strerror or error}"), 1)
    return 0


def _run(argv: Sequence[str] | None) -> None:
    made = parser()
    complete(made)
    arguments = made.parse_args(argv)
    arguments.verb(arguments)


@contextlib.contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _complain(line: str, status: int) -> int:
    print(f"fedprune: error: {line}", file=sys.stderr)
    return status
