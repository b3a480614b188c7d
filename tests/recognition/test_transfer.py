import torch

from recognition.transfer import transfer_head


def test_known_symbols_keep_their_rows_and_new_ones_begin_near_what_they_resemble():
    generator = torch.Generator().manual_seed(1)
    weight, bias = torch.randn(4, 6, generator=generator), torch.randn(4, generator=generator)
    made, biases = transfer_head(weight, bias, old="abe", new="eaéω")
    assert made.shape == (5, 6)
    torch.testing.assert_close(made[:3], weight[[0, 3, 1]])
    torch.testing.assert_close(biases[:3], bias[[0, 3, 1]])
    assert (made[3] - weight[3]).abs().max() < 0.5 * (made[3] - weight[1]).abs().max()
    assert (made[4] - weight[1:].mean(0)).abs().max() < 0.5
    again, _ = transfer_head(weight, bias, old="abe", new="eaéω")
    assert torch.equal(made, again)
