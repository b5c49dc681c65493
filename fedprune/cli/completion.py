"""What a shell is told when somebody presses Tab: verbs and options, and the names that these can have.

It needs the extra ``completion``, and in bash or zsh: ``eval "$(register-python-argcomplete fedprune)"``.
An argument's ``completer`` lists its values; files and run folders are what a shell completes anyway.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any

from fedprune import plugins

Completer = Callable[..., list[str]]


def complete(parser: argparse.ArgumentParser) -> None:
    """If it is a shell that asks, answer it and end the process."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    import argcomplete

    argcomplete.autocomplete(parser)


def scenarios(prefix: str, **_: Any) -> list[str]:
    """Bundled scenarios and TOML files."""
    from argcomplete.completers import FilesCompleter

    from fedprune.scenario import bundled_scenarios

    return [*bundled_scenarios(), *FilesCompleter(["toml"])(prefix)]


def of_kind(kind: str) -> Completer:
    """What lists the plug-ins of a kind."""
    return lambda **_: plugins.names(kind)
