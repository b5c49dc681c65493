"""A program of its own: how much memory a process needs to answer with a model's file, fedprune apart.

Run as ``python -I alone.py onnx|torch FILE FEATURES``, where FEATURES is a .npy file with one query; it
prints by how many bytes the peak of its resident memory grew from before it read the file until after its
answers.
"""

import sys

ANSWERS = 10


def main(target: str, file: str, features: str) -> None:
    """Answer and print."""
    import numpy as np

    x = np.load(features)
    if target == "onnx":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        before = _resident()
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        for _ in range(ANSWERS):
            session.run(None, {session.get_inputs()[0].name: x})
    else:
        import torch

        torch.set_num_threads(1)
        before = _resident()
        module = torch.export.load(file).module()
        with torch.inference_mode():
            for _ in range(ANSWERS):
                module(torch.from_numpy(x))
    print(max(0, _resident("VmHWM") - before))


def _resident(what: str = "VmRSS") -> int:
    """Bytes in memory now, or with VmHWM at the peak.

    The peak that ``getrusage`` tells is no use here: it begins with that of the process that started this.
    """
    with open("/proc/self/status") as status:
        found = next(line for line in status if line.startswith(f"{what}:"))
    return 1024 * int(found.split()[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
