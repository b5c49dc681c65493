"""The keys under which messages and nodes' configurations hold what is fedprune's.

Apart from the ClientApp, so that whoever only names them does not load what clients compute with.
"""

from __future__ import annotations

from flwr.app import ConfigRecord, RecordDict

RECORD, KEY = "fedprune", "blob"
"""Where a message holds an order or a reply: a record, and its key there."""
RUNS, DATA = "fedprune-runs", "fedprune-data"
"""Keys of a node's configuration: the folder of run folders, and the folder of data sets."""
MODULES, PLUGINS = "fedprune-modules", "fedprune-plugins"
"""Keys of a node's configuration: import paths that orders may name, between spaces, and folders in which
their plug-ins may be, between the system's path separators."""
BESIDE_SERVER = "fedprune-beside-server"
"""Key of a node's configuration: whether its folder of run folders is the server's own."""
RENAMED = "fedprune-renamed"
"""Key of a node's configuration: a run and what its folder is called by now, between a slash."""
CONTENT = "fedprune-content"
"""Key of a node's configuration: the hash of data that were handed over in memory, where they were."""


def content(blob: bytes) -> RecordDict:
    """One blob as a message's content."""
    return RecordDict({RECORD: ConfigRecord({KEY: blob})})
