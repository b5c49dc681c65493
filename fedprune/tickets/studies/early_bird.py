"""When masks stop moving: the early-bird signal (You et al., ICLR 2020), over rounds.

The density that each client reports is known for every round. Where masks only shrink, its change is exactly
the Hamming distance of consecutive masks; where weights also come back it is a lower bound. With
``keep_history`` in [run] the masks themselves are there, and distances are measured.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fedprune.pruning.mask import Mask
from fedprune.runs.log import read_lines
from fedprune.score import Score
from fedprune.tickets.finished import FinishedRun, Record
from fedprune.tickets.lab import Plan
from fedprune.tickets.studies.overlap import agreement
from fedprune.tickets.study_table import StudyTable, number
from fedprune.types import Bools

STILL = 0.01
"""Distance of consecutive masks below which a mask counts as found; You et al. use 0.1 for channels."""
SHOWN = 12
"""Most rounds that the table shows."""


def units(run: FinishedRun, plan: Plan) -> Sequence[str]:
    return [str(client) for client in run.clients]


def measure(run: FinishedRun, plan: Plan, unit: str) -> Record:
    client = int(unit)
    reported = [(line["round"], line["density"]) for line in run.reports[client]]
    history = run.history(client)
    rival = run.masks[run.clients[(run.clients.index(client) + 1) % len(run.clients)]]
    names = list(run.layers)
    return {
        "rounds": [round for round, _ in reported],
        "density": [density for _, density in reported],
        "moves": [abs(after - before) for (_, before), (_, after) in itertools.pairwise(reported)],
        "masks": compare(history, run.masks[client], rival, names),
    }


def conclude(run: FinishedRun, plan: Plan, measured: Mapping[str, Record]) -> Record:
    found = [found_at(record["rounds"], record["moves"]) for record in measured.values()]
    rounds = read_lines(run.folder.rounds)
    return {
        "clients": len(measured),
        "rounds": run.round,
        "found_at": found,
        "found_at_median": float(np.median(found)),
        "visits_until_found_median": float(
            np.median(
                [
                    sum(at <= end for at in record["rounds"])
                    for end, record in zip(found, measured.values(), strict=True)
                ]
            )
        ),
        "density_layers": {
            str(line["round"]): line["density_layers"] for line in rounds if line["density_layers"]
        },
        "masks": _pooled([record["masks"] for record in measured.values()], run.round),
        "history_from": min(
            (row["round"] for record in measured.values() for row in record["masks"]), default=None
        ),
    }


def tables(result: Record, score: Score) -> list[StudyTable]:
    found = [
        ["median round", number(result["found_at_median"], 0)],
        ["median visits until then", number(result["visits_until_found_median"], 0)],
        ["rounds in all", str(result["rounds"])],
    ]
    shown = [StudyTable(f"when masks stop moving by {STILL:.0%} or more", ["mask found at", "value"], found)]
    lines = [
        [
            f"{row['from']}-{row['to']}",
            str(row["masks"]),
            number(row["distance_before"], 4),
            number(row["distance_final"], 4),
            number(row["agreement_final"]),
            number(row["agreement_other"]),
        ]
        for row in result["masks"]
    ]
    header = [
        "rounds",
        "masks",
        "moved since before",
        "to final",
        "agreement with final",
        "with another's final",
    ]
    notes = [
        f"masks kept from round {result['history_from']} on; all of them with keep_history = true in [run]"
    ]
    return [*shown, StudyTable("distance of masks over rounds", header, lines, notes)]


def verdict(result: Record, score: Score) -> str:
    """By when half of the masks stand still; how early is early is for the reader to say."""
    median, rounds = result["found_at_median"], result["rounds"]
    return (
        f"half of the masks stand still from round {number(median, 0)} of {rounds} on"
        f" ({100 * median / rounds:.0f} % of the way)"
    )


def found_at(rounds: Sequence[int], moves: Sequence[float]) -> int:
    """The first of a client's rounds after which its mask never again moves by STILL or more."""
    last = max((at for at, move in enumerate(moves, start=1) if move >= STILL), default=0)
    return int(rounds[last])


def compare(
    history: Mapping[int, Mask], final: Mask, rival: Mask, names: Sequence[str]
) -> list[dict[str, Any]]:
    """For each kept version: its Hamming distance to the one before and to the final mask, as shares of all
    entries, and its agreement with the final mask and, as the control, with another client's."""
    rows, before = [], None
    for round, mask in history.items():
        bits = _bits(mask, names, final)
        rows.append(
            {
                "round": round,
                "distance_before": None if before is None else _distance(before, bits),
                "distance_final": _distance(bits, _bits(final, names, final)),
                "agreement_final": _agreement(bits, _bits(final, names, final)),
                "agreement_other": _agreement(bits, _bits(rival, names, final)),
            }
        )
        before = bits
    return rows


def _bits(mask: Mask, names: Sequence[str], like: Mask) -> list[Bools]:
    return [mask[name].reshape(-1) if name in mask else np.ones(like[name].size, np.bool_) for name in names]


def _distance(first: Sequence[Bools], second: Sequence[Bools]) -> float:
    differ = sum(int(np.count_nonzero(a != b)) for a, b in zip(first, second, strict=True))
    return differ / sum(len(bits) for bits in first)


def _agreement(first: Sequence[Bools], second: Sequence[Bools]) -> float:
    return float(agreement([np.stack(pair) for pair in zip(first, second, strict=True)])[0, 1])


def _pooled(clients: Sequence[Sequence[Record]], rounds: int) -> list[Record]:
    """Means over clients, by equal spans of rounds."""
    edges = np.unique(np.linspace(0, rounds, min(SHOWN, rounds) + 1).round().astype(int))
    every = [row for rows in clients for row in rows]
    pooled = []
    for low, high in itertools.pairwise(edges):
        rows = [row for row in every if low < row["round"] <= high]
        if rows:
            keys = [key for key in rows[0] if key != "round"]
            means = {key: _mean([row[key] for row in rows if row[key] is not None]) for key in keys}
            pooled.append({"from": int(low) + 1, "to": int(high), "masks": len(rows), **means})
    return pooled


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
