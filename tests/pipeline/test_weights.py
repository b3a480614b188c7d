import json

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from detection.d2 import LazyCall as L
from ocr_pipeline.device import multiplies_bytes
from ocr_pipeline.weights import (
    SHIPPED,
    WeightsError,
    load_detector,
    load_model,
    load_recognizer,
    save_weights,
)
from recognition.model import CRNN

CPU = torch.device("cpu")
config = L(CRNN)(num_classes=4, channels=(4, 8, 8, 16), blocks=(0, 0, 0), squeezed=16, hidden=16)


@pytest.fixture
def crnn():
    from detection.d2 import instantiate

    return instantiate(config)


def test_weights_carry_config_and_charset(tmp_path, crnn):
    path = tmp_path / "r.safetensors"
    save_weights(path, crnn, config, charset="abc")
    recognizer = load_recognizer(path, CPU)
    assert recognizer.codec.charset == "abc"
    assert recognizer.source == str(path)
    assert len(recognizer.sha256) == 64
    inputs = torch.rand(2, 1, 32, 64), torch.tensor([64, 40])
    with torch.inference_mode():
        read, meant = recognizer.model(*inputs), crnn.eval()(*inputs)
    torch.testing.assert_close(read, meant, rtol=1e-2, atol=1e-2)
    for name, value in load_model(path, CPU)[0].state_dict().items():
        torch.testing.assert_close(value, crnn.state_dict()[name], rtol=1e-3, atol=1e-4)
    assert load_file(path)["head.weight"].dtype == torch.float16
    assert load_file(path)["stem.norm.running_var"].dtype == torch.float32


@pytest.mark.parametrize(
    "target",
    ["os.system", "recognition.data.logging.os.system", "detection.none", "recognition.data", 7],
)
def test_a_file_may_only_name_parts_of_models(tmp_path, target):
    path = tmp_path / "evil.safetensors"
    metadata = {"model": json.dumps({"_target_": target, "command": "true"})}
    save_file({"x": torch.zeros(1)}, path, metadata)
    with pytest.raises(WeightsError, match=f"wants to build {target}"):
        load_model(path, CPU)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "no such weights file"), (b"", "damaged"), (b"\x00" * 100, "damaged")],
)
def test_unusable_files_are_named(tmp_path, content, reason):
    path = tmp_path / "r.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=rf"r\.safetensors: .*{reason}"):
        load_recognizer(path, CPU)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"blocks": (0, 0, 1)},
            r"stages\.2\.1\.first\.depthwise\.weight is absent, the model wants",
        ),
        ({"hidden": 8}, r"lstm1\.ahead\.weight_ih_l0 is \(64, 16\), the model wants \(32, 16\)"),
    ],
)
def test_weights_of_another_model_are_named(tmp_path, crnn, changes, reason):
    path = tmp_path / "r.safetensors"
    save_weights(path, crnn, {**config, **changes})
    with pytest.raises(WeightsError, match=reason):
        load_model(path, CPU)


def test_weights_that_no_model_asks_for_are_named(tmp_path, crnn):
    crnn.head.register_buffer("more", torch.zeros(2))
    path = tmp_path / "r.safetensors"
    save_weights(path, crnn, config)
    with pytest.raises(WeightsError, match=r"head\.more is \(2,\), the model wants none"):
        load_model(path, CPU)


def test_weights_of_the_other_stage_are_refused(tmp_path, crnn):
    path = tmp_path / "d.safetensors"
    save_weights(path, crnn, config)
    with pytest.raises(WeightsError, match="these are a recognizer's weights"):
        load_detector(path, CPU)
    with pytest.raises(WeightsError, match="not a recognizer's weights"):
        load_recognizer(path, CPU)


@pytest.mark.skipif(not multiplies_bytes(CPU), reason="ranges are not used here")
@pytest.mark.parametrize(
    ("load", "name", "span", "reason"),
    [
        (
            load_detector,
            "backbone.fpn_lateral3",
            None,
            "there is no range of backbone.fpn_lateral3",
        ),
        (load_detector, "head.fuse.0", [0.0, float("inf")], "0.0 to inf is no range"),
        (load_recognizer, "lstm1.squeeze", None, "there is no range of lstm1.squeeze"),
    ],
)
def test_ranges_that_do_not_fit_are_named(tmp_path, load, name, span, reason):
    stage = load.__name__.removeprefix("load_")
    model, metadata = load_model(SHIPPED / f"{stage}.safetensors", CPU)
    extras = {key: json.loads(value) for key, value in metadata.items()}
    config = extras.pop("model")
    del extras["ranges"][name]
    extras["ranges"] |= {name: span} if span else {}
    path = tmp_path / "w.safetensors"
    save_weights(path, model, config, **extras)
    with pytest.raises(WeightsError, match=rf"w\.safetensors: does not fit .*\({reason}\)"):
        load(path, CPU)


def test_scores_are_calibrated_by_what_the_file_says(tmp_path):
    model, metadata = load_model(SHIPPED / "detector.safetensors", CPU)
    image = np.full((120, 400, 3), 255, np.uint8)
    cv2.putText(image, "Word", (40, 80), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (0, 0, 0), 3)
    scores = {}
    for name, extras in (("plain", {}), ("curve", {"calibration": (0.8, 30.0)})):
        path = tmp_path / f"{name}.safetensors"
        save_weights(path, model, json.loads(metadata["model"]), **extras)
        (found,) = load_detector(path, CPU).detect([image])
        scores[name] = found.scores
    assert len(scores["plain"]) == 1
    np.testing.assert_allclose(
        scores["curve"], 1 / (1 + np.exp(-30 * (scores["plain"] - 0.8))), rtol=1e-4
    )


def test_weights_that_are_not_finite_are_refused(tmp_path, crnn):
    path = tmp_path / "r.safetensors"
    crnn.stem.norm.running_var[1] = float("inf")
    save_weights(path, crnn, config, charset="abc")
    with pytest.raises(WeightsError, match=r"r\.safetensors: stem\.norm\.running_var has values"):
        load_recognizer(path, CPU)


def test_files_without_config_are_refused(tmp_path):
    path = tmp_path / "plain.safetensors"
    save_file(nn.Linear(2, 2).state_dict(), path)
    with pytest.raises(WeightsError, match="no model config inside"):
        load_model(path, CPU)
