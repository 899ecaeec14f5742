"""The machine a job computes on."""

from typing import Any

import torch

DTYPES = {"float32": torch.float32, "float64": torch.float64}


def choose_device(threads: int) -> torch.device:
    """The GPU if there is one, else the CPU with so many threads."""
    torch.set_num_threads(threads)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def finish_work(device: torch.device) -> None:
    """Wait until the device has done what it was told, so that the clock can be read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def describe_device(device: torch.device, precision: str, threads: int) -> dict[str, Any]:
    """What a result records about the machine and its arithmetic."""
    gpu = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if gpu else "CPU",
        "threads": threads,
        "torch_version": torch.__version__,
        "cuda_version": str(torch.version.cuda) if gpu else "not used",
        "precision": precision,
        "tf32": str(gpu and torch.backends.cuda.matmul.allow_tf32).lower(),
        "determinism": "fixed seeds; equal bit for bit only on the same device, versions and number of threads",
    }
