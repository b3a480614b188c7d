import importlib
import subprocess
import sys

import pytest

import detection.d2


def test_what_is_listed_is_there():
    assert all(hasattr(detection.d2, name) for name in detection.d2.__all__)


def test_without_detectron2_one_line_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "detectron2", None)
    monkeypatch.delitem(sys.modules, "detection.d2")
    with pytest.raises(ImportError, match=r"^Detectron2 is not installed: run `uv sync`.*$"):
        importlib.import_module("detection.d2")


def test_it_is_imported_without_torchs_compiler_which_can_be_had_later():
    program = (
        "import sys, detection.d2; assert 'torch._dynamo' not in sys.modules; "
        "from torch._dynamo.utils import is_compile_supported; is_compile_supported('cpu')"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
