"""Pictures of a run."""

import json
from collections import defaultdict
from pathlib import Path


def draw_curves(out: Path) -> Path:
    """Draw out/metrics.json to out/curves.png: losses at the left, evaluations at the right."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    series: dict[str, dict[int, float]] = defaultdict(dict)
    for line in (out / "metrics.json").read_text().splitlines():
        entry = json.loads(line)
        for name, value in entry.items():
            series[name][entry["iteration"]] = value  # of a step made twice, the last counts
    figure = Figure(figsize=(12, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    losses, figures = figure.subplots(1, 2)
    for name, values in sorted(series.items()):
        steps, heights = zip(*sorted(values.items()), strict=True)
        if "loss" in name:
            losses.plot(steps, heights, label=name)
        elif "/" in name:
            figures.plot(steps, heights, label=name, marker=".")
    losses.set(title="training", xlabel="step", ylabel="loss")
    figures.set(title="evaluation", xlabel="step", ylabel="percent")
    for axes in (losses, figures):
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize="small")
    figure.savefig(out / "curves.png", dpi=110)
    return out / "curves.png"
