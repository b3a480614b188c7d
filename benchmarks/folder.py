"""A folder run: pages a second, memory over time, and what is left after kill -9.

    uv run benchmarks/folder.py --pages 1000

Needs Linux (/proc). A second run is killed half way and resumed; what was finished must stay as it
is. The figures go to benchmarks/results/folder.json.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import peers
import pypdfium2
import typst
from PIL import Image

from synthesis.corpus import Corpus

COMMAND = [sys.executable, "-m", "ocr_pipeline.cli.run"]


def make_pages(folder: Path, count: int) -> None:
    """Small pages of a few lines each."""
    text = Corpus(np.random.default_rng(0))
    source = "#set page(width: 240pt, height: 120pt, margin: 12pt)\n#set text(size: 10pt)\n"
    for start in range(0, count, 100):
        bodies = [json.dumps(text.paragraph()[:200]) for _ in range(min(100, count - start))]
        pdf = typst.compile((source + "#pagebreak()\n".join(f"#{b}\n" for b in bodies)).encode())
        for k, page in enumerate(pypdfium2.PdfDocument(pdf)):
            picture: Image.Image = page.render(scale=2).to_pil()
            picture.save(folder / f"{start + k:05}.png")


def tree_memory(pid: int) -> int:
    """Resident bytes of a process and its children."""
    total = 0
    pids = [pid]
    while pids:
        pid = pids.pop()
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            pids += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        except OSError:
            continue
        total += sum(
            int(line.split()[1]) * 1024 for line in status.splitlines() if line[:6] == "VmRSS:"
        )
    return total


def finished(out: Path) -> int:
    """Files in the log of the run."""
    log = out / "run.jsonl"
    return log.read_bytes().count(b"\n") if log.exists() else 0


def run(folder: Path, out: Path, *options: str, stop_at: int | None = None) -> list[tuple]:
    """Run ocr-run, killed when so many are finished; (seconds, finished, bytes) over time."""
    before = finished(out) if "--resume" in options else 0
    start = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, str(folder), "--out", str(out), *options], stderr=subprocess.DEVNULL
    )
    curve = []
    while process.poll() is None:
        done = finished(out) - before
        curve.append((time.perf_counter() - start, done, tree_memory(process.pid)))
        if stop_at is not None and done >= stop_at:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        time.sleep(0.1)
    return curve


def memory_at(curve: list[tuple], page: int) -> int:
    """Resident MiB just before so many pages were finished: the median of half a second."""
    before = [memory for _, done, memory in curve if done < page]
    return round(statistics.median(before[-5:]) / 2**20)


def main() -> None:
    """Make the pages, run, kill, resume; print the figures, and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=peers.RESULTS / "folder.json")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as temporary:
        folder, out = Path(temporary, "in"), Path(temporary, "out")
        folder.mkdir()
        make_pages(folder, args.pages)
        count = len(list(folder.iterdir()))

        curve = run(folder, out)
        first = next(row for row in curve if row[1] > 0)
        rate = (curve[-1][1] - first[1]) / (curve[-1][0] - first[0])
        marks = [round(share * count) for share in (0.1, 0.25, 0.5, 0.75, 1)]
        memory = {page: memory_at(curve, page) for page in marks}
        growth = 100 * (memory[count] / memory[marks[0]] - 1)
        print(f"{count} pages, {rate:.1f} pages a second once started ({first[0]:.1f} s)")
        for page, size in memory.items():
            print(f"after page {page}: {size} MiB resident")
        print(f"from page {marks[0]} to {count}: {growth:+.1f} %")

        killed = Path(temporary, "killed")
        run(folder, killed, stop_at=count // 2)
        results = {path: path.stat().st_mtime_ns for path in killed.glob("*.json")}
        broken = [path for path in results if not _is_whole(path)]
        left = finished(killed)
        run(folder, killed, "--resume")
        rewritten = sum(path.stat().st_mtime_ns != at for path, at in results.items())
        whole = sum(map(_is_whole, killed.glob("*.json")))
        rest = len(list(killed.glob(".*")))
        print(
            f"killed after {left} pages: {len(results)} results, {len(broken)} broken; after "
            f"--resume {whole} whole results, {rewritten} of them made again, {rest} left-overs"
        )
    figures = {
        "pages": count,
        "machine": peers.machine(),
        "pages_per_second": round(rate, 2),
        "start_seconds": round(first[0], 1),
        "resident_mib_after_page": memory,
        "growth_percent": round(growth, 1),
        "killed": {"logged": left, "results": len(results), "broken": len(broken)},
        "resumed": {"results": whole, "made_again": rewritten, "left_overs": rest},
    }
    peers.write_json(args.out, figures)


def _is_whole(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    main()
