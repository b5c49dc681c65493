"""Plays a page as a reader would who types it in an empty folder, with an installed fedprune."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from typing import Any, Self

import tomli_w

from tests.docs.pages import ROOT, Block, blocks

SMALL: dict[str, dict[str, Any]] = {
    "run": {"rounds": 1, "clients_per_round": 2},
    "partition": {"name": "iid", "clients": 4},
    "model": {"name": "mlp"},
    "train": {"epochs": 1},
    "engine": {"name": "in_process"},
}
"""What the sections that a page shows are added to, to make a scenario that is over at once."""

SESSION = Path(__file__).parent / "session.py"
"""What a page's Python blocks are typed into."""

_PIP = """#!/usr/bin/env bash
# What the page installs is installed already; a name that an index would be asked for is not fedprune's.
[ "$1" = install ] && [[ "$2" == "." || "$2" == ".["*"]" ]] && exit 0
echo "pip $*: pages install from the checkout, pip install '.[extra]'" >&2
exit 1
"""


class Installed:
    """A virtual environment with fedprune's wheel.

    Its dependencies are those of the tests' own Python, or with ``dependencies`` what pip finds.
    """

    def __init__(self, folder: Path, wheel: Path, *, dependencies: bool = False) -> None:
        self.folder = folder
        venv.create(folder, with_pip=False)
        python = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
        alone = [] if dependencies else ["--no-deps", "--no-index"]
        wanted = f"fedprune[figures] @ {wheel.as_uri()}" if dependencies else str(wheel)
        subprocess.run([*python, "install", "--quiet", *alone, wanted], check=True)
        (self.site,) = (folder / "lib").glob("*/site-packages")
        if not dependencies:
            # A path alone: an editable fedprune among them would need its own .pth file to be read.
            there = [path for path in sys.path if path.endswith("-packages")]
            (self.site / "dependencies.pth").write_text("\n".join(there), "utf-8")
        pip = folder / "bin" / "pip"
        pip.write_text(_PIP, "utf-8")
        pip.chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        """What an activated one adds to the environment of a process, without what the tests' own has."""
        kept = {
            key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONSAFEPATH")
        }
        return {
            **kept,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "VIRTUAL_ENV": str(self.folder),
        }

    def cut(self) -> None:
        """Make all bundled scenarios so small that each is over in seconds."""
        for path in (self.site / "fedprune" / "scenarios").glob("*.toml"):
            raw = tomllib.loads(path.read_text("utf-8"))
            clients = min(5, raw["partition"]["clients"]) if "partition" in raw else 5
            for section, keys in {
                "run": {"rounds": 2, "clients_per_round": 2},
                "partition": {"clients": clients},
                "train": {"epochs": 1},
                "evaluate": {"every": 1},
                "engine": {"name": "in_process"},
            }.items():
                raw[section] = raw.get(section, {}) | keys
            path.write_text(path.read_text("utf-8").splitlines()[0] + "\n" + tomli_w.dumps(raw), "utf-8")


class Player:
    """A reader in an empty folder: plays blocks there, the Python ones in one session.

    ``commands`` is a folder of commands that stand for those of the environment, except in a block that
    installs them.
    """

    def __init__(self, installed: Installed, home: Path, commands: Path | None = None) -> None:
        self.home = home
        own = installed.folder / "bin"
        self.environment = {
            **installed.environment,
            "FEDPRUNE_CACHE": str(home.parent / "cache"),
            "PYTHONPATH": ".",
        }
        self._after_install = {**self.environment, "PATH": f"{commands or own}:{self.environment['PATH']}"}
        with (home.parent / "python.log").open("w") as log:
            self._python = subprocess.Popen(
                [(commands or own) / "python", SESSION],
                cwd=home,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._python.kill()
        # Waits, and closes the pipes.
        self._python.communicate()

    def play(self, page: Path) -> None:
        """Every block of a page in its order; fails with what the first one printed that does not work."""
        for block in blocks(page):
            where = f"{page.relative_to(ROOT)}:{block.line}"
            if block.file:
                self.write(block)
            elif block.language == "bash" and "pip install -e" not in block.text:
                self._bash(block, where)
            elif block.language == "python":
                self._type(block, where)
            elif block.language == "toml":
                self._scenario(block, where)

    def write(self, block: Block) -> None:
        """The file that a block shows."""
        path = self.home / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.content, "utf-8")

    def _bash(self, block: Block, where: str) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.text],
            cwd=self.home,
            env=self.environment if "pip install" in block.text else self._after_install,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, f"{where}: {done.stdout}"

    def _type(self, block: Block, where: str) -> None:
        assert self._python.stdin is not None
        assert self._python.stdout is not None
        self._python.stdin.write(json.dumps(block.text) + "\n")
        self._python.stdin.flush()
        for line in self._python.stdout:
            if line == "\0\n":
                return
        raise AssertionError(f"{where}: {(self.home.parent / 'python.log').read_text('utf-8')}")

    def _scenario(self, block: Block, where: str) -> None:
        shown = tomllib.loads(block.text)
        name = f"{where.replace('/', '-').replace(':', '-')}.toml"
        (self.home / name).write_text(tomli_w.dumps(_added(shown)), "utf-8")
        # In the session that is open: a process for each would spend its time on imports.
        text = f"import fedprune\nfedprune.run(fedprune.load_scenarios({name!r}))"
        self._type(Block("python", text, block.line), where)


def _added(shown: dict[str, Any]) -> dict[str, Any]:
    """A scenario with the sections shown, of a single round, and enough clients for those at work in it."""
    run = {**SMALL["run"], **shown.get("run", {}), "rounds": 1}
    at_work = max(SMALL["partition"]["clients"], run["clients_per_round"], run.get("concurrency", 0))
    partition = {**SMALL["partition"], "clients": at_work}
    return {**SMALL, "partition": partition, **shown, "run": run}


def wheel(folder: Path) -> Path:
    """fedprune's wheel, built from the checkout."""
    from hatchling.builders.wheel import WheelBuilder

    (built,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return Path(built)


def empty(folder: Path) -> Path:
    """A new folder of that name without anything in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
