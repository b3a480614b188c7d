from pathlib import Path

import pytest

from detection.d2 import LazyConfig, instantiate
from ocr_pipeline.cli.train import main

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*/*.py")), ids=lambda path: path.stem)
def test_each_config_builds_its_model_within_its_size(path, tmp_path):
    LazyConfig.save(LazyConfig.load(str(path)), str(tmp_path / "config.yaml"))
    cfg = LazyConfig.load(str(tmp_path / "config.yaml"))  # as `ocr-train` runs it
    model = instantiate(cfg.model)
    megabytes = 2 * sum(p.numel() for p in model.parameters()) / 1e6
    shipped = {"detection": 26, "recognition": 16}[path.parent.name]
    assert megabytes < (90 if "rcnn" in path.stem else shipped)
    assert {"data", "evaluate", "train", "paths"} <= set(cfg)


def test_an_unknown_setting_names_the_nearest(capsys, tmp_path):
    config = str(CONFIGS / "recognition/crnn.py")
    assert main([config, "--out", str(tmp_path), "train.learning_rate=1"]) == 1
    assert "no key 'train.learning_rate'; did you mean train." in capsys.readouterr().err


def test_a_missing_config_is_named(capsys, tmp_path):
    with pytest.raises(SystemExit, match="2"):
        main(["configs/none.py", "--out", str(tmp_path)])
    assert (
        "configs/none.py: no stage (recognition, detection) and no such config"
        in capsys.readouterr().err
    )
