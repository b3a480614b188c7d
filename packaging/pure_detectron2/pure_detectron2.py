"""A setuptools plugin that builds Detectron2 v0.6 without its compiled part.

The package index holds v0.6 only as an upload by a third party, less its C++ sources. The plugin
leaves the extension modules out and refuses any tree whose Python files differ from upstream's
tag v0.6.
"""

import hashlib
from pathlib import Path

# sha256 over (path below detectron2/, NUL, sha256 of the file) of the 141 files detectron2/**/*.py
# outside model_zoo/configs, sorted by path; the same for upstream's tag v0.6 and for the sdist.
UPSTREAM_V06 = "fa2fd8efa5d5ab483393e8470ade99b514ad7406beeb530421aa57a0d06f1a86"


def tree_hash(root: Path) -> str:
    """Hash of the Python files below `root`, comparable with `UPSTREAM_V06`."""
    digest = hashlib.sha256()
    paths = {path.relative_to(root).as_posix(): path for path in root.glob("**/*.py")}
    for name in sorted(name for name in paths if not name.startswith("model_zoo/configs/")):
        digest.update((name + "\0").encode())
        digest.update(hashlib.sha256(paths[name].read_bytes()).digest())
    return digest.hexdigest()


def finalize(dist) -> None:
    """Entry point `setuptools.finalize_distribution_options`; other packages pass untouched."""
    if dist.get_name() not in ("pb1-detectron2", "detectron2"):
        return
    found = tree_hash(Path.cwd() / "detectron2")
    if found != UPSTREAM_V06:
        raise SystemExit(
            f"pure-detectron2: this source tree hashes to {found}, upstream's v0.6 to "
            f"{UPSTREAM_V06}; it is not upstream's code, refusing to build it"
        )
    dist.ext_modules = None
