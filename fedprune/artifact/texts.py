"""What an artifact says to whoever unpacks it."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence

from fedprune.scenario import Scenario

REPEAT = '''"""Makes the runs of this artifact again, and says whether they are equal to the bit."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

if __name__ == "__main__":
    # fedprune as it is packed, also in worker processes, whatever else is installed.
    code = str(HERE / "code")
    sys.path.insert(0, code)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [code, os.environ.get("PYTHONPATH", "")]))
    os.chdir(code)
    from fedprune.artifact import repeat

    sys.exit(repeat(HERE))
'''
"""The text of ``repeat.py``."""

_README = """# Artifact of {count}

Made by `fedprune artifact`. With Python {python}:

```bash
pip install -r requirements.txt   # the versions of every package that was installed
python repeat.py                  # makes the runs again and compares them to the bit
```

`repeat.py` says of each run that it is equal to the bit, or what differs first, and ends with status 0 only
if all are equal. The same bits need the same versions, above all of torch, and a processor for which torch
picks the same kernels: each run's `environment.json` names both. Clocks are not compared.

| run | what it is | rounds | data set |
| --- | --- | ---: | --- |
{rows}

- `runs/`: what each run left: scenario, environment, records by round and by client, results, final weights
  and masks.
- `code/`: fedprune, and beside it the plug-ins that are not fedprune's own.
- `artifact.json`: the sha256 of every file.

Data are not packed: sets that are neither bundled nor found on the hub are looked for under `FEDPRUNE_DATA`,
and files that a scenario names by a relative path in `code/` too. A run on other samples differs.
{notes}"""


def readme(scenarios: Mapping[str, Scenario], notes: Sequence[str]) -> str:
    """The text of ``README.md``: the runs, how to repeat them, and what differs from when they were made."""
    rows = [
        f"| `{name}` | {scenario.label} | {scenario.run.rounds} | {scenario.data.name} |"
        for name, scenario in scenarios.items()
    ]
    count = "one run" if len(rows) == 1 else f"{len(rows)} runs"
    told = "\n".join(["", "Not as when the runs were made:", "", *(f"- {line}" for line in notes), ""])
    return _README.format(
        count=count,
        python=platform.python_version(),
        rows="\n".join(rows),
        notes=told if notes else "",
    )
