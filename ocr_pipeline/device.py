"""Which device a run uses."""

import ctypes

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


def keep_freed_memory() -> None:
    """Let glibc reuse freed memory instead of handing it back to the system after each layer.

    Every layer of a network frees and allocates maps of many megabytes. By default glibc maps and
    unmaps each of them, and the page faults take up to half of the time on a CPU. For programs
    (the command line, training), not for libraries: it is a setting of the whole process.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        trim_threshold, mmap_max = -1, -4  # the names' values in glibc's malloc.h
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(mmap_max, 0)
