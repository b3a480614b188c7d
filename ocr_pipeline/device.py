"""Which device a run uses."""

import ctypes
import os
import sys

import torch


def resolve_device(name: str) -> torch.device:
    """ "auto" (CUDA where there is one, else the CPU), "cpu", "cuda" or "cuda:n" -> device.

    On the way torch is held to the threads that OMP_THREAD_LIMIT allows, whatever the device: parts
    of the work are done on the CPU always.

    Raises ValueError, naming the remedy, for a device that this machine lacks.
    """
    _respect_thread_limit()
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


def _respect_thread_limit() -> None:
    """With fewer threads than it counts on, torch leaves parts of its results undone."""
    limit = os.environ.get("OMP_THREAD_LIMIT", "")
    if limit.isdigit() and 0 < int(limit) < torch.get_num_threads():
        torch.set_num_threads(int(limit))


def inference_dtype(device: torch.device) -> torch.dtype:
    """The fastest precision that loses nothing that matters.

    float16 on CUDA, bfloat16 on processors that multiply it in hardware, else float32.
    """
    if device.type == "cuda":
        return torch.float16
    if device.type == "cpu" and (
        torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    ):
        return torch.bfloat16
    return torch.float32


def multiplies_bytes(device: torch.device) -> bool:
    """Whether a device is a processor that multiplies bytes in hardware, by VNNI.

    Older ones have to guard against sums that overflow.
    """
    if device.type != "cpu":
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_vnni", "avx_vnni"))


def prepare_process() -> None:
    """Settings of the whole process that networks on a CPU want; for programs, before any work.

    - glibc maps and unmaps every large block by default, and each layer allocates several: the
      page faults took half of the time. Freed memory is kept for reuse instead.
    - oneDNN compiles kernels for each shape and keeps the last 1024; words and pages come in more
      shapes than that, and compiling a set anew takes seconds.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        trim_threshold, mmap_max = -1, -4  # the names' values in glibc's malloc.h
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(mmap_max, 0)
