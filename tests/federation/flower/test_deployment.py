"""SuperLink and SuperNodes as docs/deployment.md sets them up: the bits of the local engine, and killed
nodes."""

from __future__ import annotations

import random
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import fedprune
from fedprune.federation.cut import cut
from fedprune.runs.folder import RunFolder
from fedprune.runs.log import read_lines
from fedprune.scenario import load_scenarios
from tests.conformance.battery import last_versions
from tests.conformance.everywhere import PAGE, WRITTEN, everywhere
from tests.conformance.lost import assert_as_without_the_lost, lost
from tests.docs.pages import ROOT, blocks

from .home import Home, assert_same_but_for_envelopes, free_port, status

pytestmark = pytest.mark.skipif(
    not (shutil.which("openssl") and shutil.which("ssh-keygen")),
    reason="openssl or ssh-keygen is not installed",
)

WITHIN_S = 1800


class Deployment(Home):
    """What the page sets up, in a folder of its own and on free ports."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.place = folder
        self.environment["CHECKOUT"] = str(ROOT)
        self._ports = {port: str(free_port()) for port in ("18000", "18001", "18002")}
        (folder / WRITTEN.file).write_text(WRITTEN.content, "utf-8")
        cut(everywhere(), folder / "parts")
        consoles = [block.text for block in blocks(PAGE) if block.language == "console"]
        *set_up, self._run, self._end = consoles
        for text in set_up:
            self.play(text)

    def play(self, text: str) -> str:
        """Run one block of the page; what it printed."""
        for port, free in self._ports.items():
            text = text.replace(port, free)
        log = self.place / "played.log"
        with log.open("w") as out:
            # Into a file: a process that stays would hold a pipe open.
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", text],
                cwd=self.place,
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=WITHIN_S,
            )
        said = log.read_text("utf-8")
        assert done.returncode == 0, f"{text}\n{said}"
        return said

    def run(self, overrides: str = "") -> Path:
        """The page's run with ``overrides``, to its end; its folder on the server's side."""
        changed = self._run.replace("scenario='", f"overrides='{overrides}' scenario='")
        self.said = self.play(changed)
        (line,) = [line for line in self.said.splitlines() if "run folder: " in line]
        run = Path(line.partition("run folder: ")[2])
        # What clients keep is on their machines; a run on one machine has it in its folder, under its hash.
        for client in (0, 1):
            theirs = RunFolder(self.place / f"node{client}" / run.name).client_state
            for round in theirs.rounds(client):
                RunFolder(run).client_state.save(client, round, theirs.load(client, round))
        return run

    def node(self, client: int) -> psutil.Process | None:
        """The SuperNode of a client, while there is one."""
        loop = psutil.Process(int((self.place / f"node{client}.pid").read_text("utf-8")))
        nodes = [each for each in loop.children() if "flower-supernode" in " ".join(each.cmdline())]
        return nodes[0] if nodes else None

    def close(self) -> None:
        try:
            self.play(self._end)
        finally:
            super().close()


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    opened = Deployment(tmp_path_factory.mktemp("deployment"))
    try:
        yield opened
    finally:
        opened.close()
    assert not opened.processes()


@pytest.mark.cluster
def test_two_supernodes_come_to_the_bits_of_the_local_engine(deployment: Deployment, tmp_path: Path) -> None:
    theirs = deployment.run()
    assert status(theirs) == "complete", deployment.said
    ours = fedprune.run(everywhere(engine={"name": "in_process"}), out=tmp_path)[0].folder
    assert not lost(theirs)
    assert_same_but_for_envelopes(theirs, ours)
    assert last_versions(theirs) == last_versions(ours)


class Killer(threading.Thread):
    """Kills a SuperNode at a random instant of a round, again and again: each time after a round in which
    both took part, and never both, as one reply is the quorum."""

    def __init__(self, deployment: Deployment, name: str, kills: int) -> None:
        super().__init__()
        self._deployment, self._name, self._kills = deployment, name, kills
        self._rng, self._over = random.Random(kills), threading.Event()
        self.killed: list[tuple[int, int]] = []
        """(client, round) of each kill."""

    def run(self) -> None:
        while len(self.killed) < self._kills and not self._over.wait(0.2):
            since = self.killed[-1][1] if self.killed else 0
            rounds = self._rounds()
            if len(rounds) <= since or rounds[-1]["failed"] or self._over.wait(self._rng.uniform(0, 10)):
                continue
            client = self._rng.randrange(2)
            if node := self._deployment.node(client):
                node.kill()
                self.killed.append((client, len(self._rounds()) + 1))

    def stop(self) -> None:
        self._over.set()
        self.join()

    def _rounds(self) -> list[dict[str, Any]]:
        runs = list((self._deployment.place / "runs").glob(f"{self._name}-*"))
        return read_lines(runs[0] / "rounds.jsonl") if runs else []


@pytest.mark.slow
@pytest.mark.parametrize("kills", [1, 10])
def test_killed_supernodes_cost_their_client_a_round_or_nothing_and_come_back(
    kills: int, deployment: Deployment, tmp_path: Path
) -> None:
    rounds = 4 + 4 * kills
    name = f"killed-{kills}"
    overrides = f"run.rounds={rounds} engine.timeout=120 evaluate.every=1 run.name={name}"
    killer = Killer(deployment, name, kills)
    killer.start()
    try:
        run = deployment.run(overrides)
    finally:
        killer.stop()
    (scenario,) = load_scenarios(str(deployment.place / WRITTEN.file), overrides.split())
    gone = lost(run)
    assert len(killer.killed) == kills, "the run was over before"
    assert status(run) == "complete", deployment.said
    assert {client for client, _ in gone} <= {client for client, _ in killer.killed}
    assert all(f"round {round}, client {client}: " in deployment.said for client, round in gone)
    # Each came back: nobody is missing in the last round.
    assert rounds not in {round for _, round in gone}
    assert_as_without_the_lost(scenario, run, tmp_path / "absent")
