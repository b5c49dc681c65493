"""The partitioners of flwr-datasets, by their own names and constructor arguments.

Their names and descriptions are read from the library's source text, since importing it takes seconds.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import inspect
import io
import re
import time
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from fedprune import plugins
from fedprune.data.errors import PartitionError
from fedprune.data.undivided import Undivided
from fedprune.seeds import generator
from fedprune.types import Array

ATTEMPT_SECONDS = 5.0

REFUSED = {
    "Partitioner": "it is their common base",
    "IdToSizeFncPartitioner": "it takes a function; 'linear', 'square' and 'exponential' are made of it",
    "VerticalEvenPartitioner": "it divides columns among clients, but here every client needs whole images",
    "VerticalSizePartitioner": "it divides columns among clients, but here every client needs whole images",
}
"""Class name -> why it cannot be asked for."""


BY_CLIENT = ("NaturalIdPartitioner", "GroupedNaturalIdPartitioner")
"""Classes that divide by whose a sample is, where the set says so, unless partition_by is given."""


def class_name(name: str) -> str:
    """The class that is meant by "DirichletPartitioner" or "dirichlet".

    Raises PartitionError for an unknown name, or one that makes no sense here.
    """
    classes = _classes()
    by_name = {**{_short(known): known for known in classes}, **{known: known for known in classes}}
    if name not in by_name:
        names = [*(short for short in by_name if short not in classes), *plugins.names("partitioners")]
        raise PartitionError(f"unknown partition '{name}'{plugins.suggest(name, sorted(names))}")
    found = by_name[name]
    if found in REFUSED:
        raise PartitionError(f"partition '{name}' cannot be used: {REFUSED[found]}")
    return found


def describe() -> dict[str, str]:
    """Short name -> first line of the class's docstring, for all that can be asked for."""
    return {_short(name): line for name, line in sorted(_classes().items()) if name not in REFUSED}


def partitioner_class(name: str) -> Any:
    """The library's class that a name means, imported. Raises PartitionError for an unknown name."""
    return getattr(importlib.import_module("flwr_datasets.partitioner"), class_name(name))


def divide(
    name: str, samples: Undivided, clients: int, arguments: Mapping[str, Any], seed: int
) -> list[Array]:
    """One int64 array of sample indices per client, never empty, disjoint; in the order the partitioner gave.

    The library sees the columns of ``samples`` and, where they bear labels, a column "label". Samples are put
    in a keyed order first, as FederatedDataset does, since some partitioners cut what they are given from
    front to back.

    Raises PartitionError with the library's reason.
    """
    _check_feasible(name, samples.count, clients, arguments)
    module = importlib.import_module("flwr_datasets.partitioner")
    partitioner_class = getattr(module, name)
    full = _arguments(partitioner_class, samples, clients, arguments, seed)
    order = generator(seed, "partition order").permutation(samples.count)
    # The library draws progress bars.
    with _quiet(bounded=name == "DirichletPartitioner"), contextlib.redirect_stderr(io.StringIO()):
        try:
            partitioner = partitioner_class(**full)
            partitioner.dataset = _indexed(
                {key: column[order] for key, column in _columns(samples).items()}, order
            )
            made = partitioner.num_partitions
            if made == clients:
                parts = [partitioner.load_partition(client) for client in range(clients)]
        except Exception as error:  # whatever the library meets in arguments that do not fit the data
            raise PartitionError(
                f"partition '{_short(name)}' with {_told(full)}: {_reason(error)}"
            ) from error
    if made != clients:
        raise PartitionError(
            f"partition '{_short(name)}' makes {made} parts of this data but partition.clients = {clients}; "
            f"set it to {made}"
        )
    _check_made(name, parts, full)
    return parts


@contextlib.contextmanager
def _quiet(bounded: bool) -> Iterator[None]:
    """Silence the library's warnings; when ``bounded``, raise TimeoutError on one after ATTEMPT_SECONDS.

    It warns after every failed draw of a Dirichlet partition, which takes seconds each with thousands of
    clients, so that is the place where a hopeless search can be stopped. Seconds are the processor's, so that
    other work on the machine does not decide.
    """
    deadline = time.process_time() + ATTEMPT_SECONDS

    def hear(*_: Any, **__: Any) -> None:
        if bounded and time.process_time() > deadline:
            raise TimeoutError(
                f"no draw in {ATTEMPT_SECONDS:g} s of work gave every client min_partition_size samples; "
                "raise alpha, lower min_partition_size or lower partition.clients"
            )

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = hear
        yield


def _check_feasible(name: str, samples: int, clients: int, arguments: Mapping[str, Any]) -> None:
    if name != "DirichletPartitioner":
        return
    least = arguments.get("min_partition_size", 10)
    if isinstance(least, int) and least * clients > samples:
        raise PartitionError(
            f"partition 'dirichlet': {clients} clients with min_partition_size = {least} take "
            f"{least * clients} samples but there are {samples}; lower one of the two"
        )


def _arguments(
    partitioner_class: Any,
    samples: Undivided,
    clients: int,
    arguments: Mapping[str, Any],
    seed: int,
) -> dict[str, Any]:
    """The constructor's arguments: the given ones, and those that follow from the scenario."""
    short = _short(partitioner_class.__name__)
    parameters = inspect.signature(partitioner_class).parameters
    given = [key for key in parameters if key not in ("num_partitions", "seed")]
    for key in arguments:
        if key == "num_partitions":
            raise PartitionError(
                f"partition '{short}': num_partitions is partition.clients; set that instead"
            )
        if key not in given:
            raise PartitionError(f"partition '{short}' has no argument '{key}'{plugins.suggest(key, given)}")
    by_client = partitioner_class.__name__ in BY_CLIENT and samples.client_key is not None
    by = samples.client_key if by_client else "label"
    full = {"num_partitions": clients, "seed": seed, "partition_by": by, **arguments}
    full = {key: full.get(key, parameter.default) for key, parameter in parameters.items()}
    for key, value in full.items():
        if value is inspect.Parameter.empty:
            raise PartitionError(f"partition '{short}' needs the argument '{key}'")
    columns = _columns(samples)
    by = full.get("partition_by")
    if by == "label":
        samples.required_labels(short)
    if by is not None and by not in columns:
        raise PartitionError(
            f"partition '{short}': no column '{by}'{plugins.suggest(str(by), sorted(columns))}"
        )
    if "distribution_array" in full:
        # TOML knows lists only; the library insists on an array.
        full["distribution_array"] = np.asarray(full["distribution_array"])
    return full


def _columns(samples: Undivided) -> dict[str, Array]:
    """The columns that the library sees; it needs one to know how many samples there are."""
    columns = dict(samples.columns)
    if samples.labels is not None:
        columns["label"] = samples.labels
    return columns or {"sample": np.arange(samples.count)}


def _indexed(columns: Mapping[str, Array], order: Array) -> Any:
    """A data set in memory whose ``select`` hands out sample indices.

    The library's own would make a Dataset for each client, which takes a millisecond or two: seconds for
    thousands.
    """
    import datasets

    class Indexed(datasets.Dataset):  # type: ignore[misc]
        indices: Array

        def select(self, indices: Any, *_: Any, **__: Any) -> Any:
            return self.indices[np.asarray(indices, dtype=np.int64)]

        def sort(self, column: str, *_: Any, **__: Any) -> Any:
            by = np.argsort(columns[column], kind="stable")
            return _indexed({key: values[by] for key, values in columns.items()}, order[by])

    data = Indexed.from_dict(dict(columns))
    data.indices = order
    return data


def _check_made(name: str, parts: list[Array], full: Mapping[str, Any]) -> None:
    empty = [client for client, own in enumerate(parts) if len(own) == 0]
    if empty:
        raise PartitionError(
            f"partition '{_short(name)}' with {_told(full)} leaves {len(empty)} of {len(parts)} clients "
            f"without samples (the first is client {empty[0]}); lower partition.clients or change the rest"
        )
    everything = np.concatenate(parts)
    if len(np.unique(everything)) != len(everything):
        raise PartitionError(f"partition '{_short(name)}' with {_told(full)} gives samples to two clients")


def _told(full: Mapping[str, Any]) -> str:
    shown = ((key, " ".join(repr(value).split())) for key, value in full.items() if key != "seed")
    return ", ".join(f"{key} = {text if len(text) <= 40 else text[:37] + '...'}" for key, text in shown)


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."


def _short(name: str) -> str:
    stem = name.removesuffix("Partitioner") or name
    return re.sub(r"(?<!^)(?=[A-Z])", "_", stem).lower()


@cache
def _classes() -> dict[str, str]:
    """Class name -> first line of its docstring, of all partitioners in the library's source files."""
    spec = importlib.util.find_spec("flwr_datasets")
    if spec is None or spec.origin is None:
        raise PartitionError("flwr-datasets is not installed; install fedprune again with its dependencies")
    found: dict[str, str] = {}
    for path in sorted((Path(spec.origin).parent / "partitioner").glob("*partitioner.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("Partitioner"):
                found[node.name] = (ast.get_docstring(node) or "").split("\n", 1)[0]
    return found
