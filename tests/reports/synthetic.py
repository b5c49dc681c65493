"""Run folders of made-up numbers, written by the code that writes real ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from fedprune import seeds
from fedprune.runs.folder import RunFolder
from fedprune.runs.log import JsonLines
from fedprune.runs.metrics import METRICS, summarise
from fedprune.runs.task import write_task
from fedprune.score import Score

PARTS = ("values", "mask", "side", "overhead")
LAYERS = ("conv.weight", "fc.weight")
LABELS = 10
ACCURACY = Score("accuracy", percent=True)


def write_run(
    out: Path,
    method: str,
    *,
    seed: int = 0,
    rounds: int = 6,
    clients: int = 8,
    sampled: int = 4,
    every: int = 2,
    finished: bool = True,
    label: str | None = None,
    target: float | None = 0.45,
    epsilon: float | None = None,
    reason: str = "no reply",
    layers: Sequence[str] = LAYERS,
    alone: bool = False,
    kept: float = 0.5,
) -> Path:
    """A run of ``rounds`` rounds; an unfinished one stops there and was asked for one more.

    With ``alone`` neither weights nor masks travel. ``kept`` is the density at the end.
    """
    rng = seeds.generator(seed, f"synthetic {method}")
    scenario = {
        "run": {"name": "synthetic", "label": method if label is None else label, "seed": seed},
        "strategy": {"name": method},
        "evaluate": {"every": every},
    }
    scenario["run"]["rounds"] = rounds if finished else rounds + 1  # type: ignore[index]
    run_id = "".join(letter if letter.isalnum() else "_" for letter in method) + f"-s{seed}"
    toml = tomli_w.dumps(scenario)
    with RunFolder.create(out, run_id, toml, "0", False, label=method if label is None else label) as folder:
        write_task(folder.path, "classification", ACCURACY, 1 / LABELS)
        folder.write_partition(_partition(clients, seed, rng))
        records = []
        with JsonLines(folder.rounds) as by_round, JsonLines(folder.clients) as by_client:
            for round in range(1, rounds + 1):
                rows = [
                    _client(round, int(client), round % every == 0, rng)
                    for client in np.sort(rng.choice(clients, sampled, replace=False))
                ]
                for row in rows:
                    if alone:
                        row.update(_nothing_sent(row))
                    by_client.append(row)
                records.append(_round(round, rows, rng, reason, layers))
                by_round.append(records[-1])
        folder.write_status("complete" if finished else "running", rounds)
        if finished:
            final = [{**_final(client, rng, layers), "density": kept} for client in range(clients)]
            folder.write_final_clients(final)
            results = _results(label or method, seed, records, final, target)
            folder.write_results({**results, "epsilon": epsilon})
        return folder.path


def _client(round: int, client: int, evaluated: bool, rng: np.random.Generator) -> dict[str, Any]:
    accuracy = float(min(1.0, 0.3 + 0.1 * np.log1p(round) + 0.05 * rng.random()))
    return {
        **dict.fromkeys(METRICS["clients.jsonl"], None),
        "round": round,
        "client": client,
        "samples": 500,
        "train_loss": float(1 / round + 0.01 * rng.random()),
        "test_score_before": accuracy - 0.02 if evaluated else None,
        "test_score_after": accuracy if evaluated else None,
        "density": float(0.5 + 0.5 / round),
        "multiply_adds": int(rng.integers(300_000, 400_000)),
        "parameters": 40_000,
        **_bytes("down", rng),
        **_bytes("up", rng),
    }


def _bytes(direction: str, rng: np.random.Generator) -> dict[str, int]:
    parts = dict(zip(PARTS, (int(value) for value in rng.integers(1000, 250_000, len(PARTS))), strict=True))
    whole = {f"bytes_{direction}": sum(parts.values())}
    return whole | {f"bytes_{direction}_{part}": size for part, size in parts.items()}


def _nothing_sent(row: dict[str, Any]) -> dict[str, int]:
    sizes = {f"bytes_{way}": row[f"bytes_{way}_overhead"] for way in ("up", "down")}
    return sizes | {f"bytes_{way}_{part}": 0 for way in ("up", "down") for part in PARTS[:-1]}


def _round(
    round: int,
    rows: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    reason: str,
    layers: Sequence[str],
) -> dict[str, Any]:
    numbers = [name for name in rows[0] if name.startswith("bytes_")]
    return {
        **dict.fromkeys(METRICS["rounds.jsonl"], None),
        "round": round,
        "clients": [row["client"] for row in rows],
        "failed": [{"client": 0, "reason": reason}] if round == 1 else [],
        "train_loss": summarise([row["train_loss"] for row in rows], ACCURACY)["mean"],
        **_spread("test_score_before", rows),
        **_spread("test_score_after", rows),
        "test_score_global": 0.2 + 0.01 * round if rows[0]["test_score_after"] is not None else None,
        "density": summarise([row["density"] for row in rows], ACCURACY)["mean"],
        "density_layers": {name: float(0.4 + 0.6 * rng.random() / round) for name in layers},
        "multiply_adds": summarise([row["multiply_adds"] for row in rows], ACCURACY)["mean"],
        "parameters": 40_000.0,
        **{name: sum(row[name] for row in rows) for name in numbers},
        "seconds": float(rng.random()),
        "time": 1.8e9 + round,
    }


def _final(client: int, rng: np.random.Generator, layers: Sequence[str]) -> dict[str, Any]:
    accuracy = float(0.6 + 0.35 * rng.random())
    return {
        "client": client,
        "samples": 500,
        "test_score_personal": accuracy,
        "test_score_received": accuracy - 0.1,
        "test_score_trained": accuracy - 0.01,
        "density": 0.5,
        "density_layers": dict.fromkeys(layers, 0.5),
        "multiply_adds": 350_000,
        "parameters": 40_000,
    }


def _results(
    label: str,
    seed: int,
    rounds: Sequence[dict[str, Any]],
    final: Sequence[dict[str, Any]],
    target: float | None,
) -> dict[str, Any]:
    means = {
        name: summarise([row[name] for row in final], ACCURACY)["mean"]
        for name in ("density", "multiply_adds")
    }
    accuracies = [f"test_score_{kind}" for kind in ("personal", "received", "trained")]
    return {
        "label": label,
        "seed": seed,
        "rounds": len(rounds),
        "clients": len(final),
        **{key: value for name in accuracies for key, value in _spread(name, final).items()},
        **means,
        "density_layers": final[0]["density_layers"],
        "bytes_up_total": sum(record["bytes_up"] for record in rounds),
        "bytes_down_total": sum(record["bytes_down"] for record in rounds),
        "target_score": target,
        "bytes_to_target": _to_target(rounds, target),
        "seconds_total": sum(record["seconds"] for record in rounds),
    }


def _to_target(rounds: Sequence[dict[str, Any]], target: float | None) -> int | None:
    spent = np.cumsum([record["bytes_up"] + record["bytes_down"] for record in rounds])
    for record, total in zip(rounds, spent, strict=True):
        if target is not None and (record["test_score_after"] or 0) >= target:
            return int(total)
    return None


def _spread(name: str, rows: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    values = [row[name] for row in rows if row[name] is not None]
    found = summarise(values, ACCURACY) if values else {}
    return {name: found.get("mean"), f"{name}_std": found.get("std"), f"{name}_worst10": found.get("worst10")}


def _partition(clients: int, seed: int, rng: np.random.Generator) -> dict[str, Any]:
    held = [{str(label): 250 for label in rng.choice(LABELS, 2, replace=False)} for _ in range(clients)]
    return {
        "settings": {"dataset": "made_up", "name": "shards", "clients": clients, "seed": seed},
        "hash": f"{seed:064x}",
        "labels": "class",
        "clients": [{"train": 500, "validation": 0, "test": 100, "labels": labels} for labels in held],
    }
