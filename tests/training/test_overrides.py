import pytest
from omegaconf import OmegaConf

from detection.d2 import LazyCall as L
from ocr_pipeline.training.overrides import OverrideError, apply_overrides
from recognition.data import WordCrops


@pytest.fixture
def cfg():
    return OmegaConf.create(
        {
            "train": {"steps": 300, "lr": 1e-3, "best": "", "freeze": [], "freeze_norm": False},
            "resolution": {"long_side": 1536},
            "data": L(WordCrops)(sources=[], codec=None, max_pixels="${resolution.long_side}"),
            "window": [512, 512],
        },
        flags={"allow_objects": True},
    )


def test_settings_are_changed_whether_the_config_names_them_or_its_calls_do(cfg):
    apply_overrides(
        cfg,
        ["train.lr=1", "train.freeze=[stem.]", "train.best=7", "data.joined=0.1", "window=[64,96]",
         "data.max_pixels=9"],
    )  # fmt: skip
    assert (cfg.train.lr, cfg.train.freeze, cfg.train.best) == (1, ["stem."], "7")
    assert (cfg.data.joined, cfg.window, cfg.data.max_pixels) == (0.1, [64, 96], 9)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.steps", "'train.steps' is not of the form key=value"),
        ("train.step=1", "the config has no key 'train.step'; did you mean train.steps?"),
        ("data.join=1", "the config has no key 'data.join'; did you mean data.joined?"),
        ("train.steps=abc", "train.steps=abc: train.steps is a whole number such as 500 (now 300)"),
        ("train.steps=1.5", "is a whole number such as 500 (now 300)"),
        ("train.lr=true", "train.lr is a number such as 0.001 (now 0.001)"),
        ("train.freeze_norm=1", "train.freeze_norm is true or false (now False)"),
        ("train.freeze=stem.", "train.freeze is a list, such as [stem.] (now [])"),
        ("window=[64]", "window is a list of 2 numbers (now [512, 512])"),
        ("train=5", "train is a group of settings: steps, lr, best, freeze, freeze_norm; change"),
        ("data.joined=no", "data.joined is a number such as 0.001 (now 0.4)"),
        ("train.freeze=[stem", "train.freeze=[stem: cannot be read ("),
    ],
)
def test_what_a_setting_cannot_be_is_told_in_one_line(cfg, override, message):
    with pytest.raises(OverrideError) as caught:
        apply_overrides(cfg, [override])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
