"""Personal models as files for devices: one file each, for onnxruntime or torch, with a card inside.

A file needs no fedprune where it runs. After it was written, its answers are compared with those of the
simulated model.
"""

from fedprune.export.form import Form as Form
from fedprune.export.personal import Exported as Exported
from fedprune.export.personal import clients_of as clients_of
from fedprune.export.personal import export as export
from fedprune.export.personal import render as render
