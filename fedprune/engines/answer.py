"""What happens to one message where the client runs: bytes in, the ClientApp's reply as bytes out."""

from __future__ import annotations

import importlib
import traceback

from flwr.app import Context, Message, RecordDict
from flwr.clientapp import ClientApp

from fedprune.engines.crew import EngineError
from fedprune.engines.freed_memory import keep_freed_memory
from fedprune.federation.flower.private import (
    RAISED,
    UNUSABLE,
    client_of,
    error_reply,
    from_bytes,
    node_config,
    to_bytes,
)
from fedprune.runs.files import RunError
from fedprune.types import NodeConfig, UserError

LONGEST_REASON = 4096
"""Characters of a traceback or message that travel with an error reply."""


def load_client_app(reference: str) -> ClientApp:
    """The ClientApp named ``module:attribute``, in a process that is to answer messages with it.

    Raises EngineError when there is none or its import fails.
    """
    keep_freed_memory()
    module, _, attribute = reference.partition(":")
    try:
        app = getattr(importlib.import_module(module), attribute, None)
    except Exception as error:
        raise EngineError(f"client app '{reference}' does not load: {error!r}") from error
    if not isinstance(app, ClientApp):
        raise EngineError(
            f"client app '{reference}': expected 'module:attribute' naming a ClientApp, found {app!r}"
        )
    return app


def answer(app: ClientApp, request: bytes | bytearray, nodes: int, config: NodeConfig) -> bytes:
    """Run the app on one message of a federation of `nodes` clients; message and reply are protobuf bytes.

    `config` is what every node of this machine is told, beside which of them it is.

    The Context is made for this message alone, with an empty run_config and an empty state, since fedprune's
    clients keep theirs in a store. What the handler raises becomes an error reply: a UserError's message in
    one line, since its place in the code helps nobody, and the traceback of anything else. A RunError is told
    apart: the disk failed then, and not the client.
    """
    message = from_bytes(request)
    node_id = message.metadata.dst_node_id
    context = Context(
        run_id=message.metadata.run_id,
        node_id=node_id,
        node_config={**config, **node_config(client_of(node_id), nodes)},
        state=RecordDict(),
        run_config={},
    )
    try:
        return to_bytes(_checked(app(message, context), message.metadata.message_id))
    except RunError as error:
        return to_bytes(error_reply(message, UNUSABLE, str(error)))
    except UserError as error:
        reason = str(error)
    except (Exception, SystemExit):
        # The end of a traceback says most.
        reason = traceback.format_exc()[-LONGEST_REASON:]
    return to_bytes(error_reply(message, RAISED, _encodable(reason)))


def _encodable(text: str) -> str:
    """``text`` as UTF-8 can hold it: lone surrogates, which the name of a file may have, are escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _checked(reply: object, message_id: str) -> Message:
    if not isinstance(reply, Message) or reply.metadata.reply_to_message_id != message_id:
        raise TypeError(f"a handler must return Message(..., reply_to=message), not {type(reply).__name__}")
    return reply
