"""A run in several processes of one machine, one for each GPU.

Detectron2's own `launch` would do, but that of v0.6 wants a GPU, and its processes import
Detectron2 before `detection.d2` could adapt it.
"""

import logging
import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import distributed, multiprocessing

#: Seconds that the other processes have to end by themselves when one has ended before its time.
GRACE = 30


def launch(work: Callable[..., Any], *, count: int, args: tuple[Any, ...]) -> int:
    """Call `work(*args)` in so many processes, which torch.distributed joins.

    What this process is told, it tells them, and waits for their end.

    Returns:
        The exit code: 0, or that of the first process that ended otherwise.

    Raises:
        ChildProcessError: one of them failed; its traceback ends with why.
    """
    if count == 1:
        work(*args)
        return 0
    logging.getLogger("torch.multiprocessing").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        context = multiprocessing.start_processes(
            _work, (work, count, f"file://{folder}/join", args), nprocs=count, join=False
        )
        with _passing_on_signals(context.processes):
            try:
                while not context.join(grace_period=GRACE):
                    pass
            except multiprocessing.ProcessExitedException as end:
                return end.exit_code if end.exit_code > 0 else 128 - end.exit_code
            except multiprocessing.ProcessRaisedException as error:
                raise ChildProcessError(str(error)) from None
    return 0


@contextmanager
def _passing_on_signals(processes: Sequence[Any]) -> Iterator[None]:
    def pass_on(number: int, _: Any) -> None:
        for process in processes:
            # From the terminal they have Ctrl-C as well, and a second one ends them at once.
            if number != signal.SIGINT and process.is_alive():
                os.kill(process.pid, number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _work(
    rank: int, work: Callable[..., Any], count: int, join: str, args: tuple[Any, ...]
) -> None:
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(rank)
    backend = "nccl" if cuda else "gloo"
    distributed.init_process_group(backend, init_method=join, world_size=count, rank=rank)
    work(*args)
    distributed.destroy_process_group()
