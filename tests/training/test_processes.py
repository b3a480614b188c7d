"""Several processes, as on several GPUs: here two on the CPU, joined by gloo."""

import signal
import subprocess
import sys
import time

import pytest
import torch
import torch.distributed
import torch.multiprocessing

from ocr_pipeline.cli.train import plain
from ocr_pipeline.training.engine import build, freeze_norms, synchronised, train
from ocr_pipeline.training.processes import launch
from recognition.losses import CTCObjective
from tests.recognition.test_data import batches, page_of
from tests.training.test_engine import config

CPU = torch.device("cpu")


def gradients(batch, *, wrap=lambda objective, device: objective):
    """Of a batch, batch norms and dropout keeping still: both depend on the batch's make-up."""
    cfg = config()
    cfg.model.dropout = 0.0
    model, objective = build(cfg, CPU)
    objective = wrap(objective, CPU).train()
    freeze_norms(model)
    objective(batch)["loss_ctc"].backward()
    return {name: p.grad for name, p in model.named_parameters()}


def work(rank, folder, halves):
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/join", world_size=2, rank=rank
    )
    torch.save(gradients(halves[rank], wrap=synchronised), folder / f"gradients{rank}.pt")
    cfg = config(steps=3, log_period=1, eval_period=2)
    cfg.data = {"_target_": "tests.training.test_processes.stream"}
    train(cfg, out=folder / "run")
    torch.distributed.destroy_process_group()


def stream():
    return batches([page_of(["abba", "cab", "head", "fade"])], max_pixels=32 * 96 * 4)


@pytest.mark.usefixtures("one_thread")
def test_two_processes_make_the_step_of_one_with_both_batches(tmp_path):
    whole = next(batches([page_of(["abba", "head", "fade"])], max_pixels=32 * 96 * 8))
    halves = [half for half, _ in CTCObjective.split(whole, 2)]
    assert len(halves[0]["widths"]) == len(halves[1]["widths"])
    # A fork has everything imported; but where there is a GPU, autograd forbids it.
    method = "spawn" if torch.cuda.is_available() else "fork"
    torch.multiprocessing.start_processes(
        work, args=(tmp_path, halves), nprocs=2, start_method=method
    )
    expected = gradients(whole)
    for rank in (0, 1):
        for name, gradient in torch.load(tmp_path / f"gradients{rank}.pt").items():
            torch.testing.assert_close(gradient, expected[name], rtol=1e-3, atol=1e-5)
    assert torch.load(tmp_path / "run/last.pth", weights_only=True)["iteration"] == 2
    assert (tmp_path / "run/weights.safetensors").exists()


#: `ocr-train` on a machine that does not count its GPUs.
COMMAND = "from ocr_pipeline.cli import train; train._check_gpus = print; exit(train.main())"


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks for two GPUs")
def test_two_processes_of_which_the_launcher_is_told_to_stop(tmp_path, write_pages, tiny_weights):
    data, out = write_pages(tmp_path / "my"), tmp_path / "run"
    command = [sys.executable, "-c", COMMAND, "recognition", "--data", data, "--replay", "0"]
    command += ["--weights", tiny_weights, "--out", out, "--gpus", "2", "train.steps=1000"]
    command += ["train.device=cpu", "train.dtype=float32", "train.threads=1", "train.log_period=1"]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    metrics = out / "metrics.json"
    while run.poll() is None and not (metrics.exists() and metrics.stat().st_size):
        time.sleep(0.1)
    run.send_signal(signal.SIGTERM)
    _, errors = run.communicate(timeout=200)
    assert run.returncode == 143, errors
    assert "--resume goes on" in (out / "log.txt").read_text()
    assert torch.load(out / "last.pth", weights_only=True)["iteration"] < 999


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks for two GPUs")
def test_an_error_in_one_of_two_processes_is_told_in_one_line():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ChildProcessError) as error:
        launch(float, count=2, args=("seven",))
    assert plain(error.value) == "could not convert string to float: 'seven'"
    assert signal.getsignal(signal.SIGTERM) is before
