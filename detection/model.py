"""DBNet as a Detectron2 meta-architecture (Liao et al. 2020, arXiv 1911.08947)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detection.d2 import Backbone, ImageList, Instances
from detection.postprocess import Regions
from detection.targets import STRIDE

#: Images are padded to multiples of this: a multiple of the backbone's stride. CPU kernels (oneDNN)
#: are compiled and cached for each size that they meet; at 64 there are a quarter as many sizes as
#: at 32, for three percent more padding.
PADDING = 64


class DBNet(nn.Module):
    """Finds words as regions of a probability map at half the image's resolution.

    Input and output follow Detectron2's meta-architectures. Each image is a dict:
        image: (3, H, W) RGB, 0..255, uint8 or float.
        targets (training): float32 (4, H / 2, W / 2), see `targets.TextMaps`.
        height, width (inference, optional): size in which quads are wanted; H and W without them.
    In training the result is a dict of losses; in inference a list of {"instances": Instances}
    with `pred_quads` float32 (N, 4, 2) and `scores` float32 (N,), on the CPU.

    Images of a batch may differ in size: they are padded on the right and below to multiples of
    `PADDING` with what normalises to zero, as convolutions pad.

    Args:
        backbone: gives the feature maps that `head` takes, e.g. ResNet-18 + FPN.
        head: images, features -> logits of the probability and the threshold map, e.g. `DBHead`.
        loss: both logits and targets -> dict of losses, e.g. `DBLoss`.
        postprocess: probability map -> quads in pixels of the image, scores.
        pixel_mean, pixel_std: for each of R, G and B.
    """

    input_format = "RGB"
    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(
        self,
        *,
        backbone: Backbone,
        head: nn.Module,
        loss: nn.Module,
        postprocess: Regions,
        pixel_mean: Sequence[float] = (127.5, 127.5, 127.5),
        pixel_std: Sequence[float] = (64.0, 64.0, 64.0),
    ):
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.loss = loss
        self.postprocess = postprocess
        self.register_buffer("pixel_mean", torch.tensor(pixel_mean).view(3, 1, 1), False)
        self.register_buffer("pixel_std", torch.tensor(pixel_std).view(3, 1, 1), False)
        self.to(memory_format=torch.channels_last)  # twice as fast on CPUs, and right for CUDA

    @property
    def device(self) -> torch.device:
        """Where the weights are; images are brought there."""
        return self.pixel_mean.device

    def forward(self, batched_inputs: list[dict]) -> dict[str, Tensor] | list[dict]:
        """Losses in training, instances in inference."""
        if not self.training:
            return self.inference(batched_inputs)
        images = self.preprocess(batched_inputs).tensor
        probability, threshold = self.head(images, self.backbone(images))
        targets = ImageList.from_tensors(
            [x["targets"].to(self.device) for x in batched_inputs],
            PADDING // STRIDE,
        )  # padding has mask 0
        return self.loss(probability, threshold, targets.tensor)

    def inference(self, batched_inputs: list[dict]) -> list[dict]:
        """Quads and scores of each image."""
        results = []
        for x, probability in zip(
            batched_inputs, self.probability_maps(batched_inputs), strict=True
        ):
            rows, columns = x["image"].shape[-2:]
            height, width = x.get("height", rows), x.get("width", columns)
            quads, scores = self.postprocess(probability.cpu().numpy())
            instances = Instances((height, width))
            instances.pred_quads = torch.from_numpy(quads) * torch.tensor(
                [width / columns, height / rows]
            )
            instances.scores = torch.from_numpy(scores)
            results.append({"instances": instances})
        return results

    def probability_maps(self, batched_inputs: list[dict]) -> list[Tensor]:
        """What the network sees: for each image float32 (H / 2, W / 2), rounded up, 0..1."""
        images = self.preprocess(batched_inputs)
        logits, _ = self.head(images.tensor, self.backbone(images.tensor))
        return [
            probability[: -(-height // STRIDE), : -(-width // STRIDE)]
            for probability, (height, width) in zip(
                logits.float().sigmoid()[:, 0], images.image_sizes, strict=True
            )
        ]

    def preprocess(self, batched_inputs: list[dict]) -> ImageList:
        """Normalised images, padded to one size."""
        images = ImageList.from_tensors(
            [
                (x["image"].to(self.device).float() - self.pixel_mean) / self.pixel_std
                for x in batched_inputs
            ],
            PADDING,
        )
        images.tensor = images.tensor.contiguous(memory_format=torch.channels_last)
        return images


class DBHead(nn.Module):
    """Fuses a feature pyramid at stride 4 and draws the maps at stride 2.

    A narrow space between words is a pixel or two at stride 4, too little to tell it from a space
    between letters. So the maps are drawn with a second look at the image itself, at stride 2.

    Args:
        in_features: names of the pyramid's maps, the finest first.
        in_channels: of each of them.
        channels: of the fused map.
        detail_channels: of the second look.

    Returns logits of the probability map and of the threshold map, each (B, 1, H / 2, W / 2). The
    threshold only teaches: in inference it is not computed, and None.
    """

    def __init__(
        self,
        *,
        in_features: Sequence[str] = ("p2", "p3", "p4", "p5"),
        in_channels: int = 64,
        channels: int = 64,
        detail_channels: int = 16,
    ):
        super().__init__()
        self.in_features = tuple(in_features)
        self.fuse = _conv(len(self.in_features) * in_channels, channels)
        self.detail = nn.Sequential(
            _conv(3, detail_channels, kernel=5, stride=2), _conv(detail_channels, detail_channels)
        )
        self.probability = _MapBranch(channels, detail_channels)
        self.threshold = _MapBranch(channels, detail_channels)

    def forward(self, images: Tensor, features: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
        """Maps of images (B, 3, H, W) and their features {name: (B, C, H / stride, W / stride)}."""
        finest = features[self.in_features[0]]  # (B, C, H / 4, W / 4)
        size = finest.shape[-2:]
        # One expression: what is enlarged is freed before memory is wanted for what it is fused to.
        fused = self.fuse(  # (B, channels, H / 4, W / 4)
            torch.cat(
                [finest]
                + [F.interpolate(features[name], size=size) for name in self.in_features[1:]],
                1,
            )
        )
        detail = self.detail(images)  # (B, detail_channels, H / 2, W / 2)
        return (
            self.probability(fused, detail),
            self.threshold(fused, detail) if self.training else None,
        )


class _MapBranch(nn.Module):
    """Fused features at stride 4, doubled, and the image's detail -> logits at stride 2."""

    def __init__(self, channels: int, detail_channels: int):
        super().__init__()
        self.reduce = _conv(channels, channels // 2)
        self.upsample = nn.Sequential(
            nn.ConvTranspose2d(channels // 2, channels // 4, 2, stride=2, bias=False),
            nn.BatchNorm2d(channels // 4),
            nn.ReLU(inplace=True),
        )
        self.draw = nn.Sequential(
            _conv(channels // 4 + detail_channels, channels // 4),
            nn.Conv2d(channels // 4, 1, 3, padding=1),
        )

    def forward(self, fused: Tensor, detail: Tensor) -> Tensor:
        return self.draw(torch.cat([self.upsample(self.reduce(fused)), detail], 1))


def _conv(in_channels: int, out_channels: int, *, kernel: int = 3, stride: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )
