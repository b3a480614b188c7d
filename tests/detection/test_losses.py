import pytest
import torch

from detection.losses import DBLoss, balanced_cross_entropy, dice_loss


def maps(text, mask=None):
    mask = torch.ones_like(text) if mask is None else mask
    return torch.stack([text, mask, torch.full_like(text, 0.3), mask], 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("masked", [False, True])
def test_finite_without_any_text(dtype, masked):
    text = torch.zeros(2, 16, 16)
    logits = torch.randn(2, 1, 16, 16, dtype=dtype, requires_grad=True)
    losses = DBLoss()(logits, logits * 2, maps(text, text if masked else None))
    total = sum(losses.values())
    total.backward()
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())
    assert logits.grad.isfinite().all()


def test_right_answers_cost_little():
    text = torch.zeros(1, 32, 32)
    text[:, 10:20, 5:25] = 1
    right = (text * 20 - 10)[:, None]
    flat = torch.full_like(right, -0.85)  # sigmoid: 0.3
    good = DBLoss()(right, flat, maps(text))
    bad = DBLoss()(-right, flat, maps(text))
    for name in ("loss_probability", "loss_binary"):
        assert good[name] < 0.01
        assert bad[name] > 0.5


def test_masked_pixels_count_for_nothing():
    text = torch.zeros(1, 32, 32)
    text[:, 10:20, 5:25] = 1
    mask = torch.ones_like(text)
    mask[:, 24:] = 0
    logits, threshold = torch.randn(2, 1, 1, 32, 32)
    changed = logits.clone()
    changed[..., 24:, :] = 9
    loss = DBLoss()
    assert loss(logits, threshold, maps(text, mask)) == loss(changed, threshold, maps(text, mask))


def test_only_the_hardest_negatives_count():
    target = torch.zeros(1, 100, 100)
    target[0, 0, :40] = 1
    logits = torch.full_like(target, -20)
    logits[0, 0, :40] = 20
    logits[0, 50, :60] = 3  # sixty wrong pixels among the 120 that count
    loss = balanced_cross_entropy(logits, target, torch.ones_like(target), negative_ratio=3)
    assert loss.item() == pytest.approx(60 * 3.0486 / 160, rel=1e-3)


def test_dice():
    half = torch.zeros(1, 10, 10)
    half[:, :5] = 1
    every = torch.ones_like(half)
    assert dice_loss(half, half, every).item() == pytest.approx(0, abs=1e-6)
    assert dice_loss(1 - half, half, every).item() == pytest.approx(1, abs=0.02)
