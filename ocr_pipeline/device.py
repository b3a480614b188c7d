"""Which device a run uses."""

import ctypes
import os

import torch


def resolve_device(name: str) -> torch.device:
    """ "auto" (CUDA where there is one, else the CPU), "cpu", "cuda" or "cuda:n" -> device.

    Raises ValueError, naming the remedy, for a device that this machine lacks.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"device {name!r} is not known; use auto, cpu, cuda or cuda:n")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device {name!r} asked for, but torch sees {torch.cuda.device_count()} CUDA devices; "
            "use --device cpu, or install a driver and a CUDA build of torch"
        )
    return device


def prepare_process() -> None:
    """Settings of the whole process that networks on a CPU want; for programs, before any work.

    - glibc maps and unmaps every large block by default, and each layer allocates several: the
      page faults took half of the time. Freed memory is kept for reuse instead.
    - oneDNN compiles kernels for each shape and keeps the last 1024; words and pages come in more
      shapes than that, and compiling a set anew takes seconds.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        trim_threshold, mmap_max = -1, -4  # the names' values in glibc's malloc.h
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(mmap_max, 0)
