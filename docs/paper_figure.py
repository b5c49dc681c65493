"""Draw a figure of a paper, density by layer over rounds, from run folders: ``fedprune.load`` gives tables.

python docs/paper_figure.py density.svg runs/quickstart-*-s0

It needs matplotlib, which the extra ``figures`` installs.
"""

import sys

import matplotlib.pyplot as plt

import fedprune

target, *folders = sys.argv[1:]
runs = [run for run in map(fedprune.load, folders) if run.layers["density"].min() < 1]
figure, axes = plt.subplots(1, len(runs), figsize=(4 * len(runs), 3), sharey=True, squeeze=False)
for run, ax in zip(runs, axes[0], strict=True):
    for (layer,), line in run.layers.group_by("layer", maintain_order=True):
        ax.plot(line["round"], 100 * line["density"], label=layer)
    ax.set(title=run.status["label"], xlabel="round", ylabel="density (%)", ylim=(0, 100))
axes[0][0].legend(frameon=False)
figure.savefig(target, bbox_inches="tight")
