"""The authors' programs: how each is called, and where its clients' models stand when it is done."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from given import Given
from program import at_work, run
from torch import nn

Models = Mapping[str, Callable[[int], nn.Module]]
"""``received``: what a client would get after the last round; ``own``: its own last model. By client."""


def sub_fedavg(checkout: Path, given: Given, seed: int) -> Models:
    """MMorafah/Sub-FedAvg, ``main_u.py``, unstructured. Its gate reads the data that ours reads."""
    train, strategy = given.scenario.train, given.strategy
    torch.manual_seed(seed)
    done = run(
        checkout / "main_u.py",
        [
            *("--dataset", "cifar10", "--model", "lenet5", "--noniid", "--shard", "--print_freq", "100000"),
            *("--num_users", str(len(given.clients)), "--frac", "1", "--rounds", str(len(given.sampled) + 1)),
            *("--local_ep", str(train.epochs), "--local_bs", str(train.batch_size)),
            *("--lr", str(train.lr), "--momentum", str(train.fields["momentum"])),
            *(
                "--pruning_percent",
                str(100 * strategy.step),
                "--pruning_target",
                f"{100 * strategy.target:.0f}",
            ),
            *("--dist_thresh", str(strategy.distance), "--acc_thresh", f"{100 * strategy.gate:.0f}"),
        ],
        given.sampled,
        datasets=SimpleNamespace(CIFAR10=lambda *_, **__: given.images),
        noniid_shard=lambda *_: (given.training, given.deciding),
        LeNet5Cifar10=given.net,
        weight_init=lambda module: None,
    )
    clients, server = done["clients"], done["server_state_dict"]
    initial = done["Sub_FedAvg_U_initial"]
    return {
        "own": lambda client: clients[client].get_net(),
        "received": lambda client: given.load(initial(clients[client].get_mask(), given.net(), server)),
    }


def lottery_fl(checkout: Path, given: Given, seed: int) -> Models:
    """charleslipku/LotteryFL, ``lotteryFL.py``. It trains on the first nine tenths of what it is given;
    its gate reads the data that ours reads."""
    train, strategy = given.scenario.train, given.strategy
    torch.manual_seed(seed)
    done = run(
        checkout / "src" / "lotteryFL.py",
        [
            *("--dataset", "cifar10_extr_noniid", "--model", "cnn"),
            *("--num_users", str(len(given.clients)), "--epochs", str(len(given.sampled) + 1), "--frac", "1"),
            *("--local_ep", str(train.epochs), "--local_bs", str(train.batch_size), "--lr", str(train.lr)),
            *("--prune_percent", f"{100 * strategy.step:.0f}", "--prune_start_acc", str(strategy.gate)),
            *("--prune_end_rate", str(1 - strategy.target)),
        ],
        given.sampled,
        SummaryWriter=lambda *_: None,
        tqdm=lambda rounds: rounds,
        get_dataset_cifar10_extr_noniid=lambda *_: (
            given.images,
            given.images,
            {client: [*given.training[client], *given.deciding[client]] for client in given.clients},
            given.deciding,
        ),
        CNNCifar=lambda args: LogSoftmax(given.net()),
    )
    masks, model, mask_model = done["masks"], done["global_model"], done["mask_model"]

    def received(client: int) -> nn.Module:
        own = copy.deepcopy(model)
        mask_model(own, masks[client], own.state_dict())
        return own

    return {"received": received}


def fedrep(checkout: Path, given: Given, seed: int) -> Models:
    """lgcollins/FedRep, ``main_fedrep.py``, which is FedAvg, FedPer and LG-FedAvg too. Its weight decay of
    0.0001 is written into it."""
    train, algorithm = given.scenario.train, {"lg_fedavg": "lg"}.get(given.method, given.method)
    torch.manual_seed(seed)
    done = run(
        checkout / "main_fedrep.py",
        [
            *("--dataset", "cifar10", "--model", "cnn", "--gpu", "-1", "--alg", algorithm),
            # It tests in its last ten rounds: there are always more to come.
            *(
                "--num_users",
                str(len(given.clients)),
                "--epochs",
                "100000",
                "--test_freq",
                "100000",
                "--frac",
                "1",
            ),
            *("--local_ep", str(train.epochs), "--local_bs", str(train.batch_size), "--lr", str(train.lr)),
        ],
        given.sampled,
        get_data=lambda args: (
            given.images,
            given.images,
            {client: np.array(given.training[client]) for client in given.clients},
            given.deciding,
        ),
        get_model=lambda args: given.net(),
    )
    whole, parts, travelling = done["net_glob"].state_dict(), done["w_locals"], done["w_glob_keys"]
    if algorithm == "fedavg":
        travelling = list(whole)

    def received(client: int) -> nn.Module:
        return given.load({name: (whole if name in travelling else parts[client])[name] for name in whole})

    return {"own": lambda client: given.load(parts[client]), "received": received}


def fedselect(checkout: Path, given: Given, seed: int) -> Models:
    """lapisrocks/FedSelect, ``fedselect.py``: all clients in every round, as it has them."""
    train, strategy = given.scenario.train, given.strategy
    torch.manual_seed(seed)
    settings = SimpleNamespace(
        com_rounds=len(given.sampled),
        la_epochs=train.epochs,
        local_bs=train.batch_size,
        lr=train.lr,
        lth_epoch_iters=strategy.interval,
        prune_percent=100 * strategy.rate,
        prune_target=100 * strategy.limit,
        clipgradnorm=False,
    )
    last: dict[int, dict[str, torch.Tensor]] = {}

    def keep(
        model: nn.Module, states: dict[int, dict[str, torch.Tensor]], *_: Any, **__: Any
    ) -> torch.Tensor:
        last.update(copy.deepcopy(states))
        return torch.zeros(1, 1)

    with at_work(checkout / "fedselect.py", [], given.sampled):
        import fedselect as program
        import lottery_ticket

        program.cross_client_eval = keep
        # It prints how sparse a layer is that ResNet-18 has and LeNet-5 has not.
        lottery_ticket.eval_layer_sparsity = lambda *_: None
        program.fedselect_algorithm(
            given.net(),
            settings,
            given.images,
            given.images,
            given.training,
            given.deciding,
            None,
            list(given.clients),
        )
    return {"own": lambda client: given.load(last[client])}


class LogSoftmax(nn.Module):
    """A network that ends in log-probabilities, under the names that it has without."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        for name, child in net.named_children():
            self.add_module(name, child)
        self.net = [net]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.log_softmax(self.net[0](x), dim=1)
