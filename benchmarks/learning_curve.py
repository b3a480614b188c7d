"""What fine-tuning gains with so many pages, and what it forgets: a learning curve.

    uv run benchmarks/learning_curve.py recognition --data data/receipts --labels train.jsonl \\
        --validation data/receipts/validation.jsonl --weights runs/recognizer/weights.safetensors \\
        --sizes 50 200 583 --own data/eval/sroie80 --other data/eval/funsd149 --out runs/curve

For each number of pages, with and without `--replay`, it runs `ocr-train` from the same weights and
`ocr-eval` on a set of the same kind (`--own`, bag of words) and on one of another kind (`--other`,
exact words or hmean of boxes); the sanity set's figure is that of the run's report. What is there
already is not made again. The figures go to OUT/curve.json, the picture to OUT/curve.png.
"""

import argparse
import json
import random
import subprocess
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

#: Of each stage: the option of `ocr-eval pages`, and what is measured on pages of another kind.
STAGES = {
    "recognition": ("--recognizer", "exact", "words read, true quads"),
    "detection": ("--detector", "hmean", "hmean of boxes"),
}


def subset(folder: Path, labels: str, pages: int, out: Path) -> Path:
    """A label file of so many random pages; those of a smaller one are among them."""
    records = [json.loads(line) for line in (folder / labels).read_text().splitlines()]
    random.Random(0).shuffle(records)
    for record in records:
        record["image"] = str((folder / record["image"]).absolute())
    lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records[:pages]]
    out.write_text("".join(lines))
    return out


def train(args: argparse.Namespace, pages: int, replay: float) -> tuple[Path, dict[str, Any]]:
    """Fine-tune on so many pages; the weights, and the run's report."""
    run = args.out / f"{pages}-{replay}"
    report = run / "report.json"
    if not report.exists():
        labels = subset(args.data, args.labels, pages, args.out / f"{pages}.jsonl")
        command = ["ocr-train", args.stage, "--data", labels, "--validation", args.validation]
        command += ["--weights", args.weights, "--replay", replay, "--out", run]
        command += ["--replay-pdfs", *args.replay_pdfs] if args.replay_pdfs and replay else []
        command += ["--resume"] if (run / "last.pth").exists() else []
        subprocess.run([*map(str, command), *args.settings], check=True)
    return run / "weights.safetensors", json.loads(report.read_bytes())


def measure(args: argparse.Namespace, weights: Path, name: str) -> dict[str, float]:
    """Bag of words on pages of the same kind, and the stage's figure on those of another."""
    option, figure, _ = STAGES[args.stage]
    found = {}
    for kind, command in (
        ("own", ["pages", args.own]),
        ("other", [args.stage, args.other, *args.other_options]),
    ):
        out = args.out / f"{name}-{kind}.json"
        if not out.exists():
            whole = ["ocr-eval", *command, option, weights, "--out", out]
            subprocess.run(list(map(str, whole)), check=True, stdout=subprocess.DEVNULL)
        found[kind] = json.loads(out.read_bytes())["bag_f" if kind == "own" else figure]
    return found


def draw(args: argparse.Namespace, start: dict[str, float], rows: list[dict[str, Any]]) -> None:
    """A panel each: pages of the same kind, pages of another kind, and the sanity set."""
    figure, panels = plt.subplots(1, 3, figsize=(12, 3.6), constrained_layout=True)
    about = STAGES[args.stage][2]
    titles = {
        "own": f"{args.own.name}: bag of words F",
        "other": f"{args.other.name}: {about}",
        "sanity": f"sanity set: {about}",
    }
    for panel, (kind, title) in zip(panels, titles.items(), strict=True):
        panel.axhline(start[kind], color="grey", linestyle=":", label="before")
        for replay in sorted({row["replay"] for row in rows}):
            points = [(row["pages"], row[kind]) for row in rows if row["replay"] == replay]
            label = f"a share of {replay:g} replayed" if replay else "no replay"
            panel.plot(*zip(*points, strict=True), marker="o", label=label)
        panel.set(title=title, xlabel="pages learnt from", ylabel="%", xscale="log")
        panel.set_xticks(args.sizes, map(str, args.sizes), minor=False)
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels[0].legend()
    figure.savefig(args.out / "curve.png", dpi=110)


def main() -> None:
    """Train, measure, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--data", type=Path, required=True, help="labelled folder")
    parser.add_argument("--labels", default="labels.jsonl", help="label file in it")
    parser.add_argument("--validation", type=Path, required=True, help="label file")
    parser.add_argument("--weights", type=Path, required=True, help="to begin with")
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--replay", type=float, nargs="+", default=[0.25, 0.0])
    parser.add_argument("--replay-pdfs", type=Path, nargs="*", default=[])
    parser.add_argument("--own", type=Path, required=True, help="labelled pages of the same kind")
    parser.add_argument("--other", type=Path, required=True, help="of another kind")
    parser.add_argument("--other-options", nargs="*", default=[], help="of ocr-eval, no dashes")
    parser.add_argument("--settings", nargs="*", default=[], help="of ocr-train: NAME=VALUE ...")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.other_options = [f"--{option}" for option in args.other_options]
    args.out.mkdir(parents=True, exist_ok=True)

    start = measure(args, args.weights, "before")
    rows: list[dict[str, Any]] = []
    sanity = f"sanity/{STAGES[args.stage][1]}"
    for pages in args.sizes:
        for replay in args.replay:
            weights, report = train(args, pages, replay)
            figures = measure(args, weights, f"{pages}-{replay}")
            figures["sanity"] = report["after"][sanity]
            rows.append({"pages": pages, "replay": replay} | figures)
    start["sanity"] = report["before"][sanity]  # all runs began with the same weights
    for row in [{"pages": 0} | start, *rows]:
        print(json.dumps(row))
    (args.out / "curve.json").write_text(json.dumps({"before": start, "runs": rows}, indent=1))
    draw(args, start, rows)


if __name__ == "__main__":
    main()
