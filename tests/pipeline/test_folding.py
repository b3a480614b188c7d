import copy

import pytest
import torch
from torch import nn

from detection.d2 import LazyConfig, instantiate
from ocr_pipeline.folding import fold_batch_norms


def with_lived_in_norms(model: nn.Module) -> nn.Module:
    """The model in evaluation mode, its batch norms far from the identity."""
    torch.manual_seed(3)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean, module.running_var):
                nn.init.uniform_(values, 0.5, 1.5)
    return model.eval()


@pytest.mark.parametrize("stage", ["detection/db_resnet18", "recognition/crnn"])
@torch.inference_mode()
def test_a_folded_model_computes_the_same_without_norms(stage):
    model = with_lived_in_norms(instantiate(LazyConfig.load(f"configs/{stage}.py").model))
    folded = fold_batch_norms(copy.deepcopy(model))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    if stage.startswith("recognition"):
        inputs = torch.rand(3, 1, 32, 64), torch.tensor([64, 17, 40])
        plain, fast = model(*inputs), folded(*inputs)
    else:
        inputs = [{"image": torch.randint(256, (3, 96, 64), dtype=torch.uint8)}]
        plain, fast = model.probability_maps(inputs)[0], folded.probability_maps(inputs)[0]
    torch.testing.assert_close(fast, plain, rtol=1e-4, atol=1e-5)
    assert plain.std() > 0
