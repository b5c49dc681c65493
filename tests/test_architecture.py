"""The rules that keep the rooms apart, read from the source itself."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fedprune
from fedprune.plugins import bundled

PACKAGE = Path(fedprune.__file__).parent
SOURCES = sorted([*PACKAGE.rglob("*.py"), *bundled("strategies").glob("*.py")])

FLOORS = (
    {
        "types",
        "faults",
        "score",
        "estimate",
        "seeds",
        "plugins",
        "progress",
        "hooks",
        "scenario",
        "text_table",
    },
    {"data", "models", "tasks"},
    {"aggregators", "clocks", "server_optimizers"},
    {"compute", "pruning", "aggregation", "updates", "privacy"},
    {"strategy", "wire"},
    {"strategies", "runs", "federation"},
    {
        "engines",
        "export",
        "latency",
        "personal",
        "reports",
        "tickets",
        "trackers",
        "watch",
        "saved_update",
        "comparison",
    }
    | {"reference"},
    {
        "simulate",
        "side_by_side",
        "member",
        "views",
        "library",
        "flower",
        "artifact",
        "doctor",
        "cli",
        "__main__",
        "__init__",
    },
)
"""Rooms from the ground up; a file imports from its own floor and from those below."""

WITHOUT_TORCH = (
    "wire",
    "aggregation",
    "aggregators",
    "clocks",
    "server_optimizers",
    "updates",
    "privacy",
    "runs",
    "reports",
    "scenario",
    "strategy",
    "pruning/mask.py",
    "pruning/criteria",
)
LEGACY_NUMPY = {"default_rng", "Generator", "PCG64", "SeedSequence", "BitGenerator"}


def room(path: Path) -> str:
    if path.is_relative_to(PACKAGE):
        return path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "strategies"


def floor(name: str) -> int:
    found = [level for level, rooms in enumerate(FLOORS) if name in rooms]
    assert found, f"'{name}' has no floor: give it one in FLOORS, as low as its imports allow"
    return found[0]


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@functools.cache
def texts(path: Path) -> frozenset[str]:
    """Every string constant of a file."""
    constants = (node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant))
    return frozenset(value for value in constants if isinstance(value, str))


def imports(path: Path, *, types_too: bool = True) -> Iterator[str]:
    """Dotted names that a file imports, at any depth; without ``types_too`` those for annotations are left
    out."""
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING") and not types_too:
            skipped.update(inner for statement in node.body for inner in ast.walk(statement))
        elif node in skipped:
            continue
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by full name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_used(path: Path) -> set[str]:
    """Rooms of fedprune that a file imports at run time."""
    names = {name.split(".")[1] for name in imports(path, types_too=False) if name.startswith("fedprune.")}
    homes = {public: home.split(".")[0] for public, home in fedprune._HOMES.items()}
    return {homes.get(name, name) for name in names} - {"__version__"}


def shown(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent if path.is_relative_to(PACKAGE) else path.parent.parent))


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_arrows_point_down(path: Path) -> None:
    too_high = {used for used in rooms_used(path) if floor(used) > floor(room(path))}
    assert not too_high


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_flower_and_ray_stay_in_their_rooms(path: Path) -> None:
    roots = {name.split(".")[0] for name in imports(path)}
    assert "flwr" not in roots or room(path) in ("federation", "engines", "flower")
    assert "ray" not in roots or path == PACKAGE / "engines" / "crews" / "ray.py"


def test_no_file_is_longer_than_a_reader_can_keep_in_mind() -> None:
    lengths = {shown(path): len(path.read_text("utf-8").splitlines()) for path in SOURCES}
    assert not {name: lines for name, lines in lengths.items() if lines > 300}


def test_rooms_that_only_count_and_code_do_not_import_torch() -> None:
    for path in SOURCES:
        inside = path.relative_to(PACKAGE).as_posix() if path.is_relative_to(PACKAGE) else ""
        if any(inside == known or inside.startswith((f"{known}/", f"{known}.py")) for known in WITHOUT_TORCH):
            assert not {name for name in imports(path) if name.split(".")[0].startswith("torch")}, inside


@pytest.mark.parametrize("path", sorted(bundled("strategies").glob("*.py")), ids=shown)
def test_strategies_import_public_names_and_never_each_other(path: Path) -> None:
    for name in imports(path):
        assert not name.startswith(("fedprune.strategies", "strategies", "flwr")), name
        assert not any(part.startswith("_") and part != "__future__" for part in name.split(".")), name


@pytest.mark.parametrize("path", sorted(bundled("strategies").glob("*.py")), ids=shown)
def test_a_strategy_is_one_short_file_that_nothing_else_names(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 150
    # FedAvg is what a scenario gets that names no strategy.
    own = {PACKAGE / "scenario/sections/strategy.py"} if path.stem == "fedavg" else set()
    for source in SOURCES:
        if source.is_relative_to(PACKAGE) and source not in own:
            assert path.stem not in texts(source), source


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_bytes_never_name_code_and_no_global_randomness_is_touched(path: Path) -> None:
    roots = {name.split(".")[0] for name in imports(path)}
    assert not roots & {"pickle", "cloudpickle", "dill", "marshal", "shelve", "joblib", "random"}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is False
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"eval", "exec", "compile", "__import__", "torch.load"}, called
            assert called not in {"torch.manual_seed", "torch.seed", "random.seed"}, called
            if called.startswith(("np.random.", "numpy.random.")):
                assert called.split(".")[2] in LEGACY_NUMPY, called


def loaded_by(code: str) -> set[str]:
    """Top-level modules in a fresh interpreter after running ``code``."""
    code += "\nimport sys; print(*{name.split('.')[0] for name in sys.modules})"
    return set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
    )


def test_importing_fedprune_and_asking_for_help_load_no_framework() -> None:
    code = (
        "import contextlib, fedprune, fedprune.cli\n"
        "with contextlib.suppress(SystemExit): fedprune.cli.main(['--help'])"
    )
    assert not loaded_by(code) & {
        "torch",
        "ray",
        "flwr",
        "flwr_datasets",
        "datasets",
        "sklearn",
        "pydantic",
        "rich",
        "polars",
    }


def test_reading_scenarios_and_run_folders_loads_no_framework() -> None:
    code = (
        "import fedprune.runs.table, fedprune.wire.codec, fedprune.pruning.mask, fedprune.aggregation\n"
        "from fedprune import load_scenarios, plugins\n"
        "[plugins.load('strategies', name) for name in plugins.names('strategies')]\n"
        "load_scenarios('quickstart')"
    )
    assert not loaded_by(code) & {"torch", "ray", "flwr", "flwr_datasets", "datasets", "sklearn"}


def test_a_grid_starts_its_workers_without_loading_what_they_compute_with() -> None:
    code = "import fedprune.engines.grid, fedprune.engines.crews.processes"
    assert not loaded_by(code) & {"torch", "ray", "flwr_datasets", "datasets", "sklearn"}


def test_public_names_are_found_and_others_are_not() -> None:
    assert set(fedprune.__all__) == {*fedprune._HOMES, "__version__"}
    for name in fedprune.__all__:
        assert getattr(fedprune, name) is not None
        assert name in dir(fedprune)
    with pytest.raises(AttributeError, match="module 'fedprune' has no attribute 'nothing'"):
        _ = fedprune.nothing
