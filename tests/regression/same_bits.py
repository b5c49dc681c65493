"""Do this commit and an older one give the same bits? Runs both on this machine and compares what came out.

    python tests/regression/same_bits.py OLD_COMMIT [--only NAME]

The older commit is checked out beside this working tree and removed afterwards. Both run the same scenarios,
one worker process each, at the same time; whatever differs is listed and ends in exit status 1. A scenario is
written under present names: KEYS says how older commits call what was renamed since, and ``differences`` how
the fields of records were called.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import tomli_w
from differences import compare

HERE = Path(__file__).resolve().parents[2]

KEYS = {"evaluate.target": "evaluate.target_accuracy"}
"""Keys of scenarios as they are called now -> as commits call them that do not know that name."""

EAGER: dict[str, dict[str, Any]] = {
    "dispfl": {"anneal": 300},
    "feddst": {"interval": 1, "anneal": 200},
    "fedltn": {"gate": 0.0},
    "hermes": {"gate": 0.0},
    "lottery_fl": {"gate": 0.0},
    "sub_fedavg": {"variant": "hybrid", "gate": 0.0, "distance": 0.0, "channel_distance": 0.0, "step": 0.3},
}
"""Strategy -> options with which it prunes within three rounds, and in which no default has changed since."""

KILLED = "resumed"
KILLED_AFTER = 4
"""Rounds after which that run is killed: one more than its first checkpoint has."""


_PRINT_SECTIONS = """
import json
import fedprune
from fedprune.scenario import Scenario
sections = Scenario.model_fields.items()
keys = {name: list(section.annotation.model_fields) for name, section in sections}
print(json.dumps({"code": fedprune.__file__, "sections": keys}))
"""


@dataclass
class Side:
    """One commit's code, what it ran, and why it could not run something."""

    code: Path
    folder: Path
    errors: dict[str, str] = field(default_factory=dict)

    def run(self, scenarios: Mapping[str, Mapping[str, Any]]) -> None:
        """Run scenarios, all in one process where none fails, else each in one of its own."""
        known = self.sections()
        files = {}
        for name, scenario in scenarios.items():
            files[name] = self.folder / f"{name}.toml"
            files[name].write_text(tomli_w.dumps(spelled(scenario, known)), "utf-8")
        if KILLED in files:
            self._kill_and_resume(files.pop(KILLED))
        if files and self._fedprune("run", *files.values(), "--out", self.folder):
            for name, file in files.items():
                if error := self._fedprune("run", file, "--out", self.folder):
                    self.errors[name] = error

    def runs(self) -> dict[str, Path]:
        """The run folders: the scenario's name, with what a sweep varied if it did -> folder."""
        found = {}
        for results in sorted(self.folder.glob("*/results.json")):
            name, label = (
                results.parent.name.rsplit("-", 2)[0],
                json.loads(results.read_text("utf-8"))["label"],
            )
            found[name if label == name else f"{name}: {label}"] = results.parent
        return found

    def strategies(self) -> set[str]:
        """The strategies that the commit brings."""
        return {path.stem for path in (self.code / "strategies").glob("[!_]*.py")}

    def sections(self) -> dict[str, list[str]]:
        """The sections of a scenario as this commit has them, and their keys.

        Raises RuntimeError when another commit's code than this one's is what runs.
        """
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PRINT_SECTIONS],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        found = json.loads(done.stdout)
        if not Path(found["code"]).is_relative_to(self.code.resolve()):
            raise RuntimeError(f"{found['code']} is what runs, not the code in {self.code}")
        sections: dict[str, list[str]] = found["sections"]
        return sections

    def _kill_and_resume(self, file: Path) -> None:
        process = subprocess.Popen(
            self._command("run", file, "--out", self.folder),
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None and self._rounds(file.stem) < KILLED_AFTER:
            time.sleep(0.005)
        process.kill()
        if process.wait() == 0:
            self.errors[file.stem] = "was over before it could be killed"
        elif error := self._fedprune("resume", *self.folder.glob(f"{file.stem}-*")):
            self.errors[file.stem] = error

    def _rounds(self, name: str) -> int:
        return sum(path.read_bytes().count(b"\n") for path in self.folder.glob(f"{name}-*-s0/rounds.jsonl"))

    def _fedprune(self, *arguments: str | Path) -> str:
        """Run one command; returns the last line of what it complains about, or nothing."""
        done = subprocess.run(
            self._command(*arguments),
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        return (done.stderr.strip().splitlines() or ["failed"])[-1] if done.returncode else ""

    def _command(self, verb: str, *arguments: str | Path) -> list[str]:
        # Not from where this stands: its code would be the one that runs, whatever PYTHONPATH says.
        return [sys.executable, "-P", "-m", "fedprune", verb, *map(str, arguments), "--json"]

    def _environment(self) -> dict[str, str]:
        # A cache of its own: what an older commit stored there must not be taken for the present one's.
        cache = str(self.folder / "cache")
        return {**os.environ, "PYTHONPATH": str(self.code), "FEDPRUNE_CACHE": cache}


def scenarios(strategies: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Name -> scenario under present names: ``scenarios.toml``, one for each strategy, the quickstart."""
    written = tomllib.loads((Path(__file__).parent / "scenarios.toml").read_text("utf-8"))
    small = written.pop("small")
    for name in strategies:
        written[f"strategy-{name}"] = {"strategy": {"name": name, **EAGER.get(name, {})}}
    if not (Path(os.environ.get("FEDPRUNE_DATA", "data")) / "cifar10").is_dir():
        del written["paper"]
    found = {name: {**small, **sections} for name, sections in written.items()}
    quickstart = tomllib.loads((HERE / "scenarios" / "quickstart.toml").read_text("utf-8"))
    return {**found, "quickstart": {**quickstart, "engine": small["engine"]}}


def spelled(scenario: Mapping[str, Any], known: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The scenario in the words of a commit that knows these sections and keys."""
    spelled: dict[str, Any] = {}
    for section, keys in scenario.items():
        for key, value in keys.items():
            called = f"{section}.{key}"
            if called in KEYS and key not in known.get(section, ()):
                called = KEYS[called]
            spelled.setdefault(called.partition(".")[0], {})[called.partition(".")[2]] = value
    return spelled


@contextmanager
def checked_out(commit: str, folder: Path) -> Iterator[Path]:
    """A working tree of that commit in the folder, until the end of the block."""
    git = ["git", "-C", str(HERE), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), commit], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def table(old: Side, new: Side) -> Iterator[tuple[str, str, str]]:
    """For each run: its name, what differs ("equal" if nothing does), and bytes of overhead if they moved."""
    before, after = old.runs(), new.runs()
    for name in sorted({*before, *after, *old.errors, *new.errors}):
        if name in before and name in after:
            compared = compare(before[name], after[name])
            was, is_now = compared.overhead
            differs = f"{len(compared.differences)} files differ: {'; '.join(compared.differences[:3])}"
            yield (
                name,
                differs if compared.differences else "equal",
                "" if was == is_now else f"{was} -> {is_now}",
            )
        else:
            side, missing = ("old", old) if name not in before else ("new", new)
            yield name, f"no {side} run: {missing.errors.get(name, 'it has another name there')}", ""


def main() -> int:
    """Run both commits and print the table; 1 when anything differs."""
    parser = argparse.ArgumentParser(
        description="Compare the results of an older commit with those of this working tree, bit by bit.",
        epilog="Example: python tests/regression/same_bits.py HEAD~1 --only 'codec-*' --only resumed",
    )
    parser.add_argument("commit", metavar="OLD_COMMIT", help="what to compare with: a commit, branch or tag")
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help="a scenario's name or a pattern, repeatable (default: all)",
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, checked_out(given.commit, Path(name) / "code") as code:
        old, new = (Side(where, Path(name) / side) for side, where in (("old", code), ("new", HERE)))
        chosen = {
            scenario: sections
            for scenario, sections in scenarios(sorted(old.strategies() & new.strategies())).items()
            if any(fnmatch(scenario, pattern) for pattern in given.only or ["*"])
        }
        if not chosen:
            parser.error("no scenario has such a name")
        for side in (old, new):
            side.folder.mkdir()
        with ThreadPoolExecutor(2) as both:
            list(both.map(lambda side: side.run(chosen), (old, new)))
        rows = list(table(old, new))
    width = max(len(name) for name, _, _ in rows)
    for name, differs, overhead in rows:
        print(f"{name:{width}}  {differs}{f'  (overhead: {overhead} bytes)' if overhead else ''}")
    return int(any(differs != "equal" for _, differs, _ in rows))


if __name__ == "__main__":
    sys.exit(main())
