import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
MODULES = {
    "ocr-run": "run",
    "ocr-train": "train",
    "ocr-eval": "evaluate",
    "ocr-data": "data",
    "ocr-synth": "synth",
}
COMMANDS = [
    command
    for name in ("fine-tuning.md", "data.md")
    for command in re.findall(r"^uv run (ocr-\S+ .*)$", (DOCS / name).read_text(), re.MULTILINE)
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_written_as_they_are_understood(command):
    name, *arguments = shlex.split(command, comments=True)
    parser = import_module(f"ocr_pipeline.cli.{MODULES[name]}").build_parser()
    parser.parse_intermixed_args(arguments) if name == "ocr-train" else parser.parse_args(arguments)
