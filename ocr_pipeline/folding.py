"""Batch norms folded into the convolutions before them: the same function in fewer passes."""

from itertools import pairwise
from typing import TypeVar

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import fuse_conv_bn_weights

Model = TypeVar("Model", bound=nn.Module)


def fold_batch_norms(model: Model) -> Model:
    """Fold, in place, each batch norm of a model in evaluation mode into its convolution.

    A norm belongs to the convolution that is defined right before it in the same module, or whose
    attribute `norm` it is (Detectron2's `Conv2d`); ours are named and used in that order. Others
    stay as they are. The model can no longer be trained.
    """
    for module in list(model.modules()):
        own = getattr(module, "norm", None)
        if isinstance(module, nn.Conv2d) and isinstance(own, _BatchNorm):
            _fold(module, own)
            setattr(module, "norm", None)  # noqa: B010 - unknown to nn.Conv2d
        for (_, convolution), (name, norm) in pairwise(list(module.named_children())):
            if isinstance(convolution, nn.Conv2d | nn.ConvTranspose2d) and isinstance(
                norm, _BatchNorm
            ):
                _fold(convolution, norm)
                setattr(module, name, nn.Identity())
    return model


def _fold(convolution: nn.Conv2d | nn.ConvTranspose2d, norm: _BatchNorm) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    convolution.weight, convolution.bias = fuse_conv_bn_weights(
        convolution.weight,
        convolution.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
        transpose=isinstance(convolution, nn.ConvTranspose2d),
    )
