"""`ocr-train`: train a stage as a config describes."""

import argparse
import difflib
import signal
import sys
from pathlib import Path
from typing import Any


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="ocr-train",
        description="Train a stage. Example: ocr-train configs/recognition/crnn.py "
        "--out runs/a train.steps=20000 train.lr=0.0005",
    )
    parser.add_argument(
        "config", type=Path, help="a LazyConfig file, e.g. configs/recognition/crnn.py"
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings to change")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument(
        "--resume", action="store_true", help="go on from the run's last checkpoint"
    )
    args = parser.parse_intermixed_args(argv)
    if not args.config.is_file():
        parser.error(f"{args.config}: no such config; see the configs/ folder")

    try:
        from detection.d2 import LazyConfig, setup_logger
    except ImportError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    from ocr_pipeline.device import prepare_process
    from ocr_pipeline.training.engine import train

    cfg = LazyConfig.load(str(args.config))
    problem = unknown_key(cfg, args.overrides)
    if problem:
        parser.error(problem)
    cfg = LazyConfig.apply_overrides(cfg, args.overrides)
    for name in ("ocr_pipeline", "recognition", "detection", "synthesis", "detectron2", "fvcore"):
        setup_logger(str(args.out), name=name)
    prepare_process()
    # A run that is told to stop leaves its last step behind, as one that fails does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        print(f"weights: {train(cfg, out=args.out, resume=args.resume)}")
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def unknown_key(cfg: Any, overrides: list[str]) -> str | None:
    """A message naming the nearest key, if an override's key is not in the config."""
    from omegaconf import OmegaConf

    known = list(_dotted(OmegaConf.to_container(cfg, resolve=False)))
    for override in overrides:
        key, separator, _ = override.partition("=")
        if not separator:
            return f"{override!r} is not of the form key=value"
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.3)
            hint = f"; did you mean {near[0]}?" if near else ""
            return f"the config has no key {key!r}{hint}"
    return None


def _dotted(node: Any, prefix: str = "") -> Any:
    if isinstance(node, dict):
        for name, value in node.items():
            yield f"{prefix}{name}"
            yield from _dotted(value, f"{prefix}{name}.")


if __name__ == "__main__":
    sys.exit(main())
