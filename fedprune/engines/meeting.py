"""How an actor and the driver come to a socket between them: the actor calls the driver, and shows a token.

Orders and replies take that way, since a value of more than 100 kB takes Ray longer than all else of a call.
The token is the lane's alone and came to the actor by Ray; who cannot show it is not read any further.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
import socket
import time
from dataclasses import dataclass

from fedprune.engines.channel import receive_exactly, tuned

TOKEN_BYTES = 32
_SECONDS_TO_CALL = 5.0
_SECONDS_TO_SHOW = 1.0
"""For the token, which an actor sends with its call."""


@dataclass(frozen=True)
class Place:
    """Where an actor is expected, and the token that it shows there."""

    host: str
    port: int
    token: bytes


class Meeting:
    """The driver's side: one actor is waited for."""

    def __init__(self, host: str) -> None:
        """Listen at this address of the driver's machine. Raises OSError where that cannot be."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.place = Place(host, self._listener.getsockname()[1], secrets.token_bytes(TOKEN_BYTES))

    def met(self) -> socket.socket | None:
        """The socket to the actor, which has called by now; None when nobody shows the token."""
        end = time.monotonic() + _SECONDS_TO_CALL
        with contextlib.suppress(OSError):
            while (left := end - time.monotonic()) > 0:
                self._listener.settimeout(left)
                caller, _ = self._listener.accept()
                if self._shows_token(caller):
                    caller.settimeout(None)
                    return tuned(caller)
                caller.close()
        return None

    def close(self) -> None:
        """Expect nobody any more."""
        self._listener.close()

    def _shows_token(self, caller: socket.socket) -> bool:
        caller.settimeout(_SECONDS_TO_SHOW)
        try:
            return hmac.compare_digest(receive_exactly(caller, TOKEN_BYTES), self.place.token)
        except (EOFError, OSError):
            return False


def called(place: Place) -> socket.socket | None:
    """The actor's side: a socket to the driver; None where it is not to be reached."""
    try:
        end = socket.create_connection((place.host, place.port), _SECONDS_TO_CALL)
        end.sendall(place.token)
    except OSError:
        return None
    end.settimeout(None)
    return tuned(end)
