"""CRNN: CNN -> BiLSTM -> linear (Shi et al. 2015, arXiv 1507.05717), with exact masking."""

import torch
from torch import Tensor, nn

#: Input columns a time step covers.
STRIDE = 4


def time_steps(widths: Tensor) -> Tensor:
    """Valid time steps of crops of these widths (pixels): ceil(w / 4)."""
    return -(-widths // STRIDE)


class ConvBlock(nn.Module):
    """3x3 convolution, batch norm, ReLU."""

    def __init__(self, *, in_channels: int, out_channels: int):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x: (B, C, H, W); mask: of the output's columns, see `column_mask`."""
        return masked(self.norm(self.conv(x)), mask).relu_()


class FactoredBlock(nn.Module):
    """A strided 3x3 convolution as a 3x1 and a 1x3 with `rank` channels between them (Jaderberg et
    al. 2014, arXiv 1405.3866), batch norm, ReLU; `stride` is (vertical, horizontal)."""

    def __init__(self, *, in_channels: int, rank: int, out_channels: int, stride: tuple[int, int]):
        super().__init__()
        down, across = stride
        self.down = nn.Conv2d(
            in_channels, rank, (3, 1), stride=(down, 1), padding=(1, 0), bias=False
        )
        self.across = nn.Conv2d(
            rank, out_channels, (1, 3), stride=(1, across), padding=(0, 1), bias=False
        )
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x: (B, C, H, W), zero beyond each crop; mask: of the output's columns, see
        `column_mask`."""
        return masked(self.norm(self.across(self.down(x))), mask).relu_()


class SeparableConv(nn.Module):
    """Depthwise 3x3, pointwise 1x1 (Howard et al. 2017): a ninth of the work of a full 3x3."""

    def __init__(self, *, channels: int):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.depthwise_norm = nn.BatchNorm2d(channels)
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W), zero beyond each crop."""
        return self.norm(self.pointwise(self.depthwise_norm(self.depthwise(x))))


class ResidualBlock(nn.Module):
    """Two separable convolutions with a shortcut (He et al. 2015)."""

    def __init__(self, *, channels: int):
        super().__init__()
        self.first = SeparableConv(channels=channels)
        self.second = SeparableConv(channels=channels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x: (B, C, H, W), zero beyond each crop; mask: see `column_mask`."""
        inner = masked(self.first(x), mask).relu_()
        return masked(self.second(inner), mask).add_(x).relu_()


class Stage(nn.ModuleList):
    """Blocks at one resolution, one after another."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x: (B, C, H, W); mask: of the output's columns, see `column_mask`."""
        for block in self:
            x = block(x, mask)
        return x


class BiLSTM(nn.Module):
    """A bidirectional LSTM that sees only each sequence's valid steps, squeezed to fewer numbers:
    as its inputs they do what all did, in a fraction of the work.

    The backward direction runs over sequences reversed within their own length, so in both
    directions the padding comes last and cannot reach a valid step. That is what packing gives,
    but with dense kernels.
    """

    def __init__(self, *, in_features: int, squeezed: int, hidden: int):
        super().__init__()
        self.squeeze = nn.Linear(in_features, squeezed, bias=False)
        self.ahead = nn.LSTM(squeezed, hidden, batch_first=True)
        self.back = nn.LSTM(squeezed, hidden, batch_first=True)

    def forward(self, x: Tensor, steps: Tensor) -> Tensor:
        """x: (B, T, C), steps: (B,) valid lengths -> (B, T, 2 * hidden)."""
        x = self.squeeze(x)
        size, length, _ = x.shape
        position = torch.arange(length, device=x.device)[None]  # 1, T
        mirrored = steps[:, None] - 1 - position  # B, T; negative in the padding
        order = torch.where(mirrored >= 0, mirrored, position)  # its own inverse
        rows = (order + length * torch.arange(size, device=x.device)[:, None]).flatten()
        ahead, _ = self.ahead(x)
        back, _ = self.back(x.flatten(0, 1)[rows].unflatten(0, (size, length)))
        return torch.cat([ahead, back.flatten(0, 1)[rows].unflatten(0, (size, length))], dim=2)


class CRNN(nn.Module):
    """Word crops to per-step class scores.

    Shapes: B crops, C channels, H height, W width, T = ceil(W / 4) time steps, V classes.
    The feature map is (B, 256, 4, W / 4); each of its columns, 1024 numbers, is a step.
    Everything beyond a crop's true width is zeroed after each layer, which is what the
    convolutions would see if the crop stood alone: a crop's scores do not depend on the width
    that its batch is padded to.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        channels: tuple[int, int, int, int] = (32, 64, 128, 256),
        ranks: tuple[int, int, int] = (16, 48, 96),
        blocks: tuple[int, int, int] = (1, 2, 3),
        squeezed: int = 128,
        hidden: int = 192,
        dropout: float = 0.1,
    ):
        super().__init__()
        c1, c2, c3, c4 = channels
        self.stem = ConvBlock(in_channels=1, out_channels=c1)
        self.stages = nn.ModuleList()
        # Only the first two stages halve the width: narrow letters need their time steps.
        for depth, c_in, rank, c_out, stride in zip(
            blocks, (c1, c2, c3), ranks, (c2, c3, c4), ((2, 2), (2, 2), (2, 1)), strict=True
        ):
            enter = FactoredBlock(in_channels=c_in, rank=rank, out_channels=c_out, stride=stride)
            self.stages.append(
                Stage([enter, *(ResidualBlock(channels=c_out) for _ in range(depth))])
            )
        self.lstm1 = BiLSTM(in_features=4 * c4, squeezed=squeezed, hidden=hidden)
        self.lstm2 = BiLSTM(in_features=2 * hidden, squeezed=squeezed, hidden=hidden)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * hidden, num_classes)

    @property
    def num_classes(self) -> int:
        """Outputs a step: the charset's symbols and the blank (index 0)."""
        return self.head.out_features

    def forward(self, images: Tensor, widths: Tensor) -> Tensor:
        """Class scores of each time step.

        Args:
            images: (B, 1, 32, W) as `batching.collate` makes them, W a multiple of 16.
            widths: (B,) true widths in pixels.

        Returns:
            Logits (B, W / 4, V); those at or beyond `time_steps(widths)` mean nothing.
        """
        least = int(widths.min())  # a GPU waits for it, once
        full, half, quarter = (column_mask(widths, images.shape[3], s, least) for s in (1, 2, 4))
        x = self.stem(images.contiguous(memory_format=torch.channels_last), full)  # B, C, 32, W
        for stage, mask in zip(self.stages, (half, quarter, quarter), strict=True):
            x = stage(x, mask)  # B, C, 16 | 8 | 4, W/2 | W/4 | W/4
        # Channels stay last, as they are in memory: any other order costs more than the LSTMs.
        x = x.permute(0, 3, 2, 1).flatten(2)  # B, T, 4 * 256
        steps = time_steps(widths)
        x = self.lstm1(x, steps)  # B, T, 2 * hidden
        x = self.lstm2(self.dropout(x), steps)
        return self.head(self.dropout(x))  # B, T, V


def column_mask(widths: Tensor, width: int, stride: int, least: int) -> Tensor:
    """Of a map's width / stride columns the last K: bool (B, 1, 1, K), whether they hold any of the
    crop. Those before are within all crops, of which `least` pixels is the narrowest; of a batch of
    like widths few are left."""
    columns = torch.arange(-(-least // stride), width // stride, device=widths.device)
    return (columns < -(-widths // stride)[:, None])[:, None, None]


def masked(x: Tensor, mask: Tensor) -> Tensor:
    """`x` (B, C, H, W) itself, its last K columns times the mask (B, 1, 1, K)."""
    x[..., x.shape[3] - mask.shape[3] :] *= mask
    return x
