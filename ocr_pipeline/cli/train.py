"""`ocr-train`: fine-tune a stage on your own pages, or train one as a config describes."""

import argparse
import difflib
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STAGES = ("recognition", "detection")

EXAMPLES = """examples:
  ocr-train recognition --data my/ --out runs/a
  ocr-train detection --data my/ --out runs/b train.steps=500
  ocr-train recognition --data my/ --out runs/c --charset +αβγδε
  ocr-train configs/recognition/crnn.py --out runs/d paths.real=data/train
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="ocr-train",
        description="Fine-tune a stage on your own pages (docs/fine-tuning.md), or train one as a "
        "config describes (docs/training.md).",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", help="recognition, detection, or a LazyConfig file")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings to change")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument(
        "--resume", action="store_true", help="go on from the run's last checkpoint"
    )
    parser.add_argument(
        "--overfit-one-batch",
        action="store_true",
        help="only prove, in a minute, that the set-up can learn",
    )
    parser.add_argument("--gpus", type=int, default=1, help="GPUs of this machine to train on")
    tuning = parser.add_argument_group("fine-tuning")
    tuning.add_argument(
        "--data",
        type=Path,
        action="append",
        default=[],
        help="labelled folder (docs/formats.md), or a label file in one; may be repeated",
    )
    tuning.add_argument(
        "--validation", type=Path, help="the same, to measure by; default: a share of the data"
    )
    tuning.add_argument("--weights", type=Path, help="begin with these; default: the shipped ones")
    tuning.add_argument(
        "--charset",
        default="",
        metavar="[+]SYMBOLS",
        help="symbols, or a file of them, to read instead of, or after + besides, those known",
    )
    tuning.add_argument(
        "--replay",
        type=float,
        metavar="SHARE",
        help="share of synthetic pages, against forgetting (default 0.25; 0: none)",
    )
    tuning.add_argument(
        "--replay-pdfs",
        type=Path,
        action="append",
        default=[],
        metavar="PDF",
        help="make them of these PDFs or folders of PDFs instead of typesetting some",
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = build_parser()
    args = parser.parse_intermixed_args(argv)
    if args.what not in STAGES and not Path(args.what).is_file():
        near = difflib.get_close_matches(args.what, STAGES, n=1)
        hint = f"did you mean {near[0]}?" if near else "see the configs/ folder"
        parser.error(f"{args.what}: no stage (recognition, detection) and no such config; {hint}")
    if args.what in STAGES and not args.data and not args.resume:
        parser.error("--data is missing: name a labelled folder (docs/formats.md)")

    try:
        if not args.overfit_one_batch:
            from ocr_pipeline.training.engine import first_step

            first_step(args.out / "last.pth", args.resume)  # refuses before anything is written
        with _alone(args.out):
            return _run(args)
    except (ImportError, ValueError, OSError, ArithmeticError, MemoryError) as error:
        print(f"error: {plain(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keeps other runs out of the folder; a process that dies lets go of it."""
    from filelock import FileLock, Timeout

    out.mkdir(parents=True, exist_ok=True)
    try:
        held = FileLock(out / ".lock", blocking=False).acquire()
    except Timeout:
        raise FileExistsError(
            f"{out}: another run writes there now; wait for it, or name another folder with --out"
        ) from None
    with held:
        yield


def _run(args: argparse.Namespace) -> int:
    from detection.d2 import LazyConfig, setup_logger
    from ocr_pipeline.device import prepare_process
    from ocr_pipeline.training.overfit import overfit_one_batch
    from ocr_pipeline.training.overrides import apply_overrides
    from ocr_pipeline.training.processes import launch
    from ocr_pipeline.training.recipe import describe

    _log(args.out, setup_logger)
    prepare_process()
    cfg = _config(args)
    apply_overrides(cfg, args.overrides)
    if args.what in STAGES:
        for line in describe(cfg):
            logging.getLogger("ocr_pipeline").info(line)
    if args.overfit_one_batch:
        print(overfit_one_batch(cfg))
        return 0
    _check_gpus(args.gpus)
    saved = args.out / "config.yaml"
    LazyConfig.save(cfg, str(saved))
    code = launch(_train, count=args.gpus, args=(saved, args.out, args.resume))
    if not code:
        print(f"weights: {args.out / 'weights.safetensors'}")
    return code


def _config(args: argparse.Namespace) -> Any:
    """The config that the command line asks for, less its overrides."""
    from detection.d2 import LazyConfig
    from ocr_pipeline.training.recipe import fine_tuning

    if args.resume:
        saved = args.out / "config.yaml"
        changed = f"changed: {' '.join(args.overrides)}" if args.overrides else "as they are"
        logging.getLogger("ocr_pipeline").info(
            "going on with the settings in %s, %s; what else the command says (data, weights, "
            "charset, replay, another config) is not looked at again", saved, changed
        )  # fmt: skip
        return LazyConfig.load(str(saved))
    if args.what not in STAGES:
        ignored = ("data", "validation", "weights", "charset", "replay", "replay_pdfs")
        if given := [f"--{name.replace('_', '-')}" for name in ignored if getattr(args, name)]:
            raise ValueError(
                f"{', '.join(given)}: for fine-tuning a stage; a config names its own data, and "
                "train.init=FILE the weights to begin with"
            )
        return LazyConfig.load(args.what)
    if args.overfit_one_batch:
        args.replay = 0  # typesetting pages would take most of the minute
    return fine_tuning(
        args.what,
        data=args.data,
        out=args.out,
        validation=args.validation,
        weights=args.weights,
        charset=read_charset(args.charset),
        replay=0.25 if args.replay is None else args.replay,
        pdfs=args.replay_pdfs,
        steps=_override(args.overrides, "train.steps", int),
        device=_override(args.overrides, "train.device", str) or "auto",
    )


def _check_gpus(wanted: int) -> None:
    import torch

    if wanted < 1:
        raise ValueError(f"--gpus {wanted}: give 1 or more; train.device=cpu trains without")
    if wanted > 1 and wanted > (found := torch.cuda.device_count()):
        raise ValueError(f"--gpus {wanted}: torch sees {found}; see docs/troubleshooting.md")


def _train(config: Path, out: Path, resume: bool) -> None:
    """The run, in one process of perhaps several."""
    from detection.d2 import LazyConfig, comm, setup_logger
    from ocr_pipeline.training.engine import train

    if comm.get_world_size() > 1:
        _log(out, setup_logger, rank=comm.get_rank())
    train(LazyConfig.load(str(config)), out=out, resume=resume)


def _log(out: Path, setup_logger: Any, *, rank: int = 0) -> None:
    """The project's and Detectron2's messages to the terminal and to out/log.txt."""
    for name in ("ocr_pipeline", "recognition", "detection", "synthesis", "detectron2", "fvcore"):
        setup_logger(str(out), distributed_rank=rank, name=name)
    # Its traceback of what goes wrong is for `log.txt`'s readers; here errors are one line.
    logging.getLogger("detectron2.engine.train_loop").setLevel(logging.CRITICAL)


def read_charset(charset: str) -> str:
    """A charset, or a change of one, from the command line: its file read, if it names one."""
    plus, rest = ("+", charset[1:]) if charset.startswith("+") else ("", charset)
    if os.path.isfile(rest):  # unlike Path's it takes any string, however long
        return plus + Path(rest).read_text(encoding="utf-8")
    if re.search(r"\w\.[A-Za-z]{2,4}$", rest, re.ASCII):
        raise FileNotFoundError(f"--charset {charset}: no such file; give its symbols, or a file")
    return charset


def _override(overrides: list[str], key: str, kind: type) -> Any:
    """The value of a setting on which others depend, None if it is not changed."""
    for override in overrides:
        name, _, value = override.partition("=")
        if name == key:
            try:
                return kind(value)
            except ValueError:
                raise ValueError(f"{override}: {key} is a whole number such as 500") from None
    return None


def plain(error: BaseException) -> str:
    """An error's message; of one that another process raised, without that process's traceback."""
    message = str(error).strip()
    if "Traceback (most recent call last)" in message:
        message = message.splitlines()[-1].partition(": ")[2]
    return message


if __name__ == "__main__":
    sys.exit(main())
