"""Scenarios: what is accepted round trips; what is not is refused in one line that says where and why."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.scenario import Scenario, ScenarioError, bundled_scenarios, load_scenarios

tenths = st.integers(1, 9).map(lambda n: n / 10)

scenarios = st.fixed_dictionaries(
    {},
    optional={
        "run": st.fixed_dictionaries(
            {}, optional={"rounds": st.integers(1, 99), "seed": st.integers(0, 2**63 - 1)}
        ),
        "partition": st.fixed_dictionaries(
            {"clients": st.integers(10, 500)},
            optional={
                "validation": tenths,
                "alpha": tenths,
                "min_size": st.integers(0, 9),
                "sizes": st.lists(tenths),
            },
        ),
        "model": st.fixed_dictionaries(
            {}, optional={"batch_norm": st.booleans(), "hidden": st.lists(st.integers(1, 9))}
        ),
        "train": st.fixed_dictionaries(
            {}, optional={"lr": tenths | st.integers(1, 3), "epochs": st.integers(1, 9)}
        ),
        "strategy": st.just({"name": "fedavg"})
        | st.fixed_dictionaries(
            {"name": st.just("sub_fedavg")},
            optional={"target": tenths, "variant": st.sampled_from(["unstructured", "hybrid"])},
        ),
        "distill": st.fixed_dictionaries(
            {"teacher": st.just("local")},
            optional={"alpha": tenths, "model": st.just({"name": "lenet5", "width": 2.0})},
        ),
        "evaluate": st.fixed_dictionaries({}, optional={"target": tenths}),
        "engine": st.fixed_dictionaries({}, optional={"workers": st.integers(1, 8), "timeout": tenths}),
    },
)
every = settings(derandomize=True, deadline=None, max_examples=50)


def write(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def load(folder: Path, text: str, *overrides: str) -> list[Scenario]:
    return load_scenarios(write(folder, text), overrides)


@every
@given(scenarios)
def test_the_resolved_toml_loads_back_as_an_equal_scenario_with_the_same_hash(raw: dict[str, Any]) -> None:
    scenario = Scenario.from_dict(raw)
    again = Scenario.from_dict(tomllib.loads(scenario.to_toml()))
    assert again == scenario
    assert again.to_dict() == scenario.to_dict()
    assert again.run_id() == scenario.run_id()


@every
@given(scenarios)
def test_a_client_sees_its_sections_as_they_were(raw: dict[str, Any]) -> None:
    scenario = Scenario.from_dict(raw)
    sent = json.loads(json.dumps(scenario.client_settings()))
    there = Scenario.from_client_settings(sent)
    for section in ("data", "partition", "model", "train", "distill", "strategy", "uplink", "downlink"):
        assert there.section(section) == scenario.section(section)
    assert (there.run.seed, there.run.rounds) == (scenario.run.seed, scenario.run.rounds)
    assert there.client_settings() == sent


def test_a_client_of_a_small_partition_needs_no_number_of_sampled_clients() -> None:
    scenario = Scenario.from_dict({"run": {"clients_per_round": 2}, "partition": {"clients": 3}})
    assert Scenario.from_client_settings(scenario.client_settings()).partition.clients == 3


def test_client_settings_leave_out_defaults_and_paths() -> None:
    assert Scenario.from_dict({"data": {"root": "/somewhere"}}).client_settings() == {}


@every
@given(scenarios, st.randoms(use_true_random=False))
def test_the_hash_does_not_depend_on_the_order_of_keys(raw: dict[str, Any], shuffle: Any) -> None:
    def shuffled(table: dict[str, Any]) -> dict[str, Any]:
        items = [(key, shuffled(value) if isinstance(value, dict) else value) for key, value in table.items()]
        shuffle.shuffle(items)
        return dict(items)

    assert Scenario.from_dict(shuffled(raw)).settings_hash() == Scenario.from_dict(raw).settings_hash()


def test_the_hash_does_not_depend_on_writing_defaults() -> None:
    terse = Scenario.from_dict({"strategy": {"name": "sub_fedavg"}})
    explicit = Scenario.from_dict(
        {
            "train": {"lr": 0.01, "group_lasso": 0.0},
            "distill": {"teacher": "none", "alpha": 0.5},
            "strategy": {"name": "sub_fedavg", "target": 0.5},
        }
    )
    assert explicit.settings_hash() == terse.settings_hash()


@pytest.mark.parametrize(
    "setting",
    [
        {"run": {"name": "other", "label": "other", "checkpoint_every": 1}},
        {"data": {"root": "elsewhere"}},
        {"engine": {"workers": 1, "timeout": 9.0}},
    ],
)
def test_the_hash_does_not_depend_on_what_cannot_change_a_result(setting: dict[str, Any]) -> None:
    assert Scenario.from_dict(setting).settings_hash() == Scenario.from_dict({}).settings_hash()


@pytest.mark.parametrize(
    "setting",
    [
        {"run": {"rounds": 21}},
        {"run": {"seed": 1}},
        {"partition": {"alpha": 0.5}},
        {"model": {"batch_norm": True}},
        {"train": {"lr": 0.02}},
        {"train": {"l1": 0.1}},
        {"data": {"augment": True}},
        {"distill": {"recover": 1}},
        {"strategy": {"name": "standalone"}},
        {"uplink": {"values": "fp16"}},
        {"downlink": {"values": "fp16"}},
        {"uplink": {"sparsify": 0.1}},
    ],
)
def test_the_hash_depends_on_what_can_change_a_result(setting: dict[str, Any]) -> None:
    assert Scenario.from_dict(setting).settings_hash() != Scenario.from_dict({}).settings_hash()


def test_the_hash_is_the_same_in_another_process() -> None:
    raw = {"strategy": {"name": "sub_fedavg", "variant": "hybrid"}, "model": {"batch_norm": True, "b": 1}}
    code = f"from fedprune.scenario import Scenario; print(Scenario.from_dict({raw!r}).run_id())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == Scenario.from_dict(raw).run_id()


def test_a_scenario_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Scenario.from_dict({}).train.lr = 1.0


def test_a_run_is_called_after_its_file_unless_named(tmp_path: Path) -> None:
    (plain,) = load(tmp_path, "")
    (named,) = load(tmp_path, "[run]\nname = 'other'")
    assert (plain.run.name, plain.label) == ("mine", "mine")
    assert named.run_id() == f"other-{plain.settings_hash()}-s0"


def test_bundled_scenarios_load_by_name_and_begin_with_a_line_that_describes_them() -> None:
    assert "quickstart" in bundled_scenarios()
    for name, path in bundled_scenarios().items():
        assert load_scenarios(name) == load_scenarios(path)
        assert path.read_text("utf-8").startswith("# ")


def test_a_strategys_fields_are_resolved_and_typed(tmp_path: Path) -> None:
    (scenario,) = load(tmp_path, "[strategy]\nname = 'sub_fedavg'\ntarget = 0")
    assert scenario.strategy.fields["target"] == 0.0
    assert isinstance(scenario.strategy.fields["target"], float)
    assert scenario.strategy.fields["variant"] == "unstructured"


def test_free_keys_are_kept_for_those_who_know_them(tmp_path: Path) -> None:
    (scenario,) = load(tmp_path, "[partition]\nalpha = 0.3\n[model]\nbatch_norm = true")
    assert scenario.partition.arguments == {"alpha": 0.3}
    assert scenario.model.options == {"batch_norm": True}


def test_overrides_are_toml_values_or_else_texts(tmp_path: Path) -> None:
    overrides = (
        "train.lr=0.5",
        "model.batch_norm = true",
        "run.name=short",
        'data.root="a b"',
        "engine={workers=1}",
    )
    (scenario,) = load(tmp_path, "[train]\nlr = 0.1\nepochs = 3", *overrides)
    assert (scenario.train.lr, scenario.train.epochs) == (0.5, 3)
    assert scenario.model.options == {"batch_norm": True}
    assert (scenario.run.name, scenario.data.root, scenario.engine.fields) == (
        "short",
        "a b",
        {"workers": 1},
    )


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.lr", "write it as section.key=value"),
        ("=1", "write it as section.key=value"),
        ("evaluate.evry=1", "--set evaluate.evry: unknown key, did you mean 'every'?"),
        ("trian.lr=1", "--set trian.lr: unknown section, did you mean 'train'?"),
        ("lr=1", "--set lr: unknown section, it is a key of [train]"),
        ("train.lr=fast", "--set train.lr: must be a valid number, not 'fast'"),
        ("train.lr=nan", "--set train.lr: must be a finite number, not nan"),
        ("train=3", "--set train: must be a table"),
        ("strategy.targt=0.5", "--set strategy.targt: unknown key of strategy 'fedavg'"),
        ("train.lr=1\nmomentum=0.9", "--set train.lr: must hold printable characters only"),
    ],
)
def test_a_bad_override_is_refused_in_one_line(tmp_path: Path, override: str, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(tmp_path, "", override)
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_sweep_of_the_command_line_is_a_list_without_its_brackets_or_texts(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[sweep]\n'run.seed' = [5]\n", "utf-8")
    found = load_scenarios(path, ["train.epochs=2"], ["run.seed=0,1", "strategy.name=fedavg, standalone"])
    assert [scenario.label for scenario in found] == [
        f"name {name}, seed {seed}" for name in ("fedavg", "standalone") for seed in (0, 1)
    ]
    assert {scenario.train.epochs for scenario in found} == {2}
    (one,) = load_scenarios(path, [], ["run.seed=3"])
    assert one.run.seed == 3


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ("run.seed", "--sweep: write it as section.key=value,value"),
        ("run.seed=", "--sweep run.seed: give one or more values"),
        ("run.sede=0,1", "--sweep run.sede: unknown key, did you mean 'seed'?"),
        ("train.epochs=1,2", "--sweep train.epochs: is given by --set too"),
        (
            "train.lr=0.1,fast",
            "--sweep train.lr: must be a valid number, not 'fast' (in the sweep's",
        ),
    ],
)
def test_a_bad_sweep_of_the_command_line_is_refused_in_one_line(
    tmp_path: Path, sweep: str, said: str
) -> None:
    (tmp_path / "mine.toml").write_text("", "utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_scenarios(tmp_path / "mine.toml", ["train.epochs=3"], [sweep])
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


BAD: dict[str, tuple[str | bytes, str]] = {
    "a mistyped key": (
        "[train]\n\nlrr = 0.1",
        ":3: [train] lrr: unknown key of optimizer 'sgd', did you mean 'lr'?",
    ),
    "a mistyped section": ("[trian]\nlr = 0.1", ":1: [trian]: unknown section, did you mean 'train'?"),
    "a key outside of any section": ("lr = 0.1", ": [lr]: unknown section, it is a key of [train]"),
    "a key in the wrong section": ("[run]\nlr = 0.1", ":2: [run] lr: unknown key, it belongs under [train]"),
    "a number for a section": ("train = 3", ": [train]: must be a table, not 3"),
    "a list of tables for a section": ("[[train]]\nlr = 0.1", "[train]: must be a table"),
    "text for a number": ('[train]\nlr = "0.5"', ":2: [train] lr: must be a valid number, not '0.5'"),
    "true for a number": ("[train]\nlr = true", "[train] lr: must be a valid number, not True"),
    "true for an integer": ("[train]\nepochs = true", "[train] epochs: must be a valid integer, not True"),
    "a fraction for an integer": (
        "[train]\nepochs = 1.5",
        "[train] epochs: must be a valid integer, not 1.5",
    ),
    "a date": ("[train]\nlr = 2020-01-01", "[train] lr: must be a text, a number"),
    "not a number": ("[train]\nlr = nan", "[train] lr: must be a finite number, not nan"),
    "infinity": ("[train]\nlr = inf", "[train] lr: must be a finite number, not inf"),
    "not a number among free keys": (
        "[partition]\nalpha = nan",
        "[partition] alpha: must be a finite number",
    ),
    "a teacher nobody knows": (
        '[distill]\nteacher = "mine"',
        ":2: [distill] teacher: must be 'none', 'received', 'previous' or 'local', not 'mine'",
    ),
    "a model for a teacher that needs none": (
        '[distill]\nteacher = "received"\nmodel = { name = "mlp" }',
        ':3: [distill] model: only teacher = "local" has a model of its own',
    ),
    "a teacher's model without a name": (
        '[distill]\nteacher = "local"\nmodel = { width = 2.0 }',
        ":3: [distill] model: names no architecture",
    ),
    "embeddings of a teacher's model to prune": (
        '[distill]\nteacher = "local"\nmodel = { name = "mlp", prune_embeddings = true }',
        ":3: [distill] model: prune_embeddings is nothing to a teacher, which is never pruned",
    ),
    "patience without validation data": (
        "[train]\npatience = 2",
        ":2: [train] patience: waits for a better score on validation data: set [partition] validation",
    ),
    "no rounds": ("[run]\nrounds = 0", "[run] rounds: must be greater than or equal to 1, not 0"),
    "a huge integer": (f"[run]\nrounds = 1{'0' * 60}", "[run] rounds: must fit in 64 bits"),
    "a negative seed": ("[run]\nseed = -1", "[run] seed: must be greater than or equal to 0"),
    "a learning rate of zero": ("[train]\nlr = 0", "[train] lr: must be greater than 0, not 0"),
    "a momentum of one": ("[train]\nmomentum = 1.0", "[train] momentum: must lie in [0, 1), got 1.0"),
    "no epochs": ("[train]\nepochs = 0", "[train] epochs: must be greater than or equal to 1"),
    "all samples held out": ("[partition]\nvalidation = 1.0", "[partition] validation: must be less than 1"),
    "an unknown test": (
        "[partition]\ntest = 'all'",
        "[partition] test: must be 'labels', 'partition', 'natural' or 'global'",
    ),
    "more clients than exist": (
        "[run]\nclients_per_round = 101",
        "[run] clients_per_round: 101 of 100 clients",
    ),
    "no quorum": ("[run]\nquorum = 0.0", "[run] quorum: must be greater than 0"),
    "a quorum over all": ("[run]\nquorum = 1.1", "[run] quorum: must be less than or equal to 1"),
    "negative workers": ("[engine]\nworkers = -1", "[engine] workers: must lie in 1 to 1024"),
    "no time": ("[engine]\ntimeout = 0", "[engine] timeout: must be greater than or equal to 0.001"),
    "a text for a target": ("[evaluate]\ntarget = 'best'", "[evaluate] target: must be a valid number"),
    "an unknown task": (
        "[task]\nname = 'classificatoin'",
        "[task] name: unknown task 'classificatoin', did you mean 'classification'?",
    ),
    "a key of no task": ("[task]\nscale = 2.0", "[task] scale: belongs to a task: set [task] name as well"),
    "an unknown model": (
        "[model]\nname = 'lenet'",
        "[model] name: unknown model 'lenet', did you mean 'lenet5'?",
    ),
    "an unknown data set": (
        "[data]\nname = 'digit'",
        "[data] name: unknown data set 'digit', did you mean 'digits'?",
    ),
    "an unknown strategy": ("[strategy]\nname = 'fedav'", "unknown strategy 'fedav', did you mean 'fedavg'?"),
    "a path for a strategy": (
        "[strategy]\nname = '../fedavg'",
        "[strategy] name: unknown strategy '../fedavg'",
    ),
    "a number for a strategy": ("[strategy]\nname = 3", "[strategy] name: must be a valid string, not 3"),
    "an unknown mask coding": ("[uplink]\nmask = 'bits'", "[uplink] mask: unknown mask coding 'bits'"),
    "an unknown quantizer": ("[downlink]\nvalues = 'fp33'", "[downlink] values: unknown quantizer 'fp33'"),
    "an unknown entropy coder": ("[uplink]\nentropy = 'lz'", "[uplink] entropy: unknown entropy coder 'lz'"),
    "a quantizer's field for another": (
        "[uplink]\nvalues = 'fp16'\nbits = 4",
        ":3: [uplink] bits: unknown key of quantizer 'fp16'",
    ),
    "a share beyond all": ("[uplink]\nsparsify = 1.5", ":2: [uplink] sparsify: must be less than or equal"),
    "a feedback nobody knows": (
        "[uplink]\nfeedback = 'more'",
        "[uplink] feedback: must be 'none' or 'residual'",
    ),
    "feedback where the base has it already": (
        "[downlink]\nbase = 'update'\nfeedback = 'residual'",
        ':3: [downlink] feedback: only base = "weights" needs it',
    ),
    "an unknown engine": ("[engine]\nname = 'cloud'", "[engine] name: unknown engine 'cloud'"),
    "a mistyped field": (
        "[strategy]\nname = 'sub_fedavg'\ntraget = 0.5",
        ":3: [strategy] traget: unknown key of strategy 'sub_fedavg', did you mean 'target'?",
    ),
    "text for a field": (
        "[strategy]\nname = 'sub_fedavg'\ntarget = '0.5'",
        ":3: [strategy] target: must be a valid number, not '0.5'",
    ),
    "true for a field": (
        "[strategy]\nname = 'sub_fedavg'\ntarget = true",
        "[strategy] target: must be a valid number",
    ),
    "an unknown variant": (
        "[strategy]\nname = 'sub_fedavg'\nvariant = 'x'",
        "[strategy] variant: must be 'unstr",
    ),
    "a field out of range": (
        "[strategy]\nname = 'sub_fedavg'\ntarget = 1.5",
        ":3: [strategy] target: must lie in",
    ),
    "a name with a slash": ("[run]\nname = 'a/b'", "[run] name: 'a/b' cannot name a folder"),
    "a name that climbs": ("[run]\nname = '..'", "[run] name: '..' cannot name a folder"),
    "a name that climbs inside": ("[run]\nname = 'a..b'", "[run] name: 'a..b' cannot name a folder"),
    "an absolute name": ("[run]\nname = '/tmp/x'", "[run] name: '/tmp/x' cannot name a folder"),
    "a hidden name": ("[run]\nname = '.x'", "[run] name: '.x' cannot name a folder"),
    "an empty name": ("[run]\nname = ''", "[run] name: '' cannot name a folder"),
    "a name ending in a line break": (
        '[run]\nname = "a\\n"',
        "[run] name: must hold printable characters only",
    ),
    "a long name": (f"[run]\nname = '{'a' * 65}'", "cannot name a folder"),
    "a NUL in a path": ('[data]\nroot = "a\\u0000b"', "[data] root: must hold printable characters only"),
    "a line break in a label": ('[run]\nlabel = "a\\nb"', "[run] label: must hold printable characters only"),
    "a key with a line break": ('[train]\n"a\\nb" = 1', "[train] a\\nb: unknown key"),
    "a terminal's control code": ('[train]\n"\\u001b[2J" = 1', "[train] \\x1b[2J: unknown key"),
    "broken TOML": (
        "[train]\nlr = 0.1\nlr 0.2",
        "not valid TOML: Expected '=' after a key in a key/value pair (at line 3",
    ),
    "a key twice": ("[train]\nlr = 0.1\nlr = 0.2", "not valid TOML: Cannot overwrite a value"),
    "raw NUL bytes": ("[train]\0", "not valid TOML"),
    "bytes that are not UTF-8": (b"[run]\nname = '\xff'", "is not UTF-8 text (line 2)"),
    "a file of over a megabyte": (b"#" * (1 << 20) + b"#", "is larger than 1 MiB"),
    "deep nesting": (f"[model]\nx = {'[' * 50000}", "not valid TOML: nested too deeply"),
    "nesting that TOML can hold": (
        f"[model]\nx = {'[' * 20}{']' * 20}",
        "[model] x: nested more than 8 deep",
    ),
    "a key of endless parts": (
        f"[model]\nx{'.x' * 200000} = 1",
        "a key of more than 16 dotted parts (line 2)",
    ),
    "an unknown sweep key": (
        "[sweep]\n'evaluate.evry' = [1]",
        ":2: [sweep] evaluate.evry: unknown key, did you mean 'every'?",
    ),
    "a sweep that is wrong in a member": (
        "[sweep]\n'train.lr' = [0.1, -1]",
        "[train] lr: must be greater than 0, not -1 (in the sweep's 'lr -1')",
    ),
    "a sweep over the same value": ("[sweep]\n'run.seed' = [1, 1]", "'seed 1' and 'seed 1' are the same run"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_scenario_is_refused_in_one_line_that_says_where(tmp_path: Path, case: str) -> None:
    content, said = BAD[case]
    path = tmp_path / "mine.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ScenarioError) as caught:
        load_scenarios(path)
    line = str(caught.value)
    assert line.startswith(str(path))
    assert said in line
    assert line.isprintable()
    assert len(line.replace(str(tmp_path), "")) < 250


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("quickstrt", "no such file or bundled scenario, did you mean 'quickstart'?"),
        ("missing/x.toml", "no such file or bundled scenario"),
        (".", "is a folder; give a scenario file in it"),
        ("/dev/zero", "is not a regular file"),
        ("a\0b", "no such file or bundled scenario"),
        ("x" * 5000, "cannot be read"),
    ],
)
def test_what_is_no_file_is_refused(source: str, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenarios(source)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


def test_values_that_no_file_could_hold_are_refused() -> None:
    with pytest.raises(ScenarioError, match=r"\[model\] hidden: must be a text, a number"):
        Scenario.from_dict({"model": {"hidden": object()}})
    with pytest.raises(ScenarioError, match=r"\[model\]: keys are texts, not 3"):
        Scenario.from_dict({"model": {3: 1}})


def test_none_counts_as_not_given() -> None:
    assert Scenario.from_dict({"engine": {"workers": None}, "data": None}) == Scenario.from_dict({})
