"""A head for a new charset out of one that was trained for another."""

import unicodedata
from collections.abc import Sequence

import torch
from torch import Tensor

#: Deviation of the noise on new rows, as a share of that of the known ones: it tells letters with
#: one base apart, and is too small to drown it.
_NOISE = 0.1


def transfer_head(
    weight: Tensor, bias: Tensor, *, old: Sequence[str], new: Sequence[str]
) -> tuple[Tensor, Tensor]:
    """Rows of a CTC head for the symbols of `new`.

    The blank and the symbols that both have keep their rows. An accented letter begins as its base
    letter; any other symbol as the mean of all known ones, which is likely nowhere and can become
    anything. Both with a little noise, always the same.

    Args:
        weight: (len(old) + 1, C), the row of the blank first. bias: (len(old) + 1,).

    Returns:
        (len(new) + 1, C) and (len(new) + 1,).
    """
    index = {symbol: i for i, symbol in enumerate(old, start=1)}
    rows = torch.cat([weight, bias[:, None]], 1).float()  # V, C + 1
    mean, deviation = rows[1:].mean(0), rows[1:].std(0)
    generator = torch.Generator().manual_seed(0)
    made = [rows[0]]
    for symbol in new:
        if symbol in index:
            made.append(rows[index[symbol]])
            continue
        base = index.get(unicodedata.normalize("NFD", symbol)[0])
        noise = _NOISE * deviation.cpu() * torch.randn(len(deviation), generator=generator)
        made.append((mean if base is None else rows[base]) + noise.to(rows.device))
    stacked = torch.stack(made).to(weight.dtype)
    return stacked[:, :-1].contiguous(), stacked[:, -1].contiguous()
