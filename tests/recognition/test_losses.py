import pytest
import torch

from recognition.batching import collate
from recognition.codec import Codec
from recognition.losses import CTCObjective, DistilledObjective
from recognition.model import CRNN
from recognition.recognizer import Recognizer
from tests.recognition.test_model import random_crops

SIZES = dict(channels=(4, 8, 8, 16), ranks=(4, 4, 8), blocks=(0, 1, 0), squeezed=16, hidden=16)
CODEC = Codec(charset="abcd")


def crnn(seed, **changes):
    torch.manual_seed(seed)
    return CRNN(**{"num_classes": CODEC.num_classes, "dropout": 0.0, **SIZES, **changes})


@pytest.fixture
def batch():
    images, widths = collate(random_crops([40, 96, 24]))
    texts = ("abcd", "dada", "b")
    labels = torch.tensor([label for text in texts for label in CODEC.encode(text)])
    lengths = torch.tensor([len(text) for text in texts])
    return {"images": images, "widths": widths, "labels": labels, "lengths": lengths}


def test_who_knows_what_the_teacher_knows_has_nothing_to_learn_from_it(batch):
    model = crnn(0).eval()
    teacher = Recognizer(model=crnn(0), codec=CODEC)
    losses = DistilledObjective(model=model, codec=CODEC, teacher=teacher).eval()(batch)
    assert losses["loss_distillation"].item() == pytest.approx(0, abs=1e-6)
    assert losses["loss_ctc"] == CTCObjective(model=model).eval()(batch)["loss_ctc"]


def test_a_model_comes_to_say_what_its_teacher_says_which_stays_as_it_is(batch):
    teacher = Recognizer(model=crnn(0), codec=CODEC)
    before = {name: value.clone() for name, value in teacher.model.state_dict().items()}
    model = crnn(1, blocks=(0, 0, 0), hidden=8)
    objective = DistilledObjective(model=model, codec=CODEC, teacher=teacher, weight=1.0).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    divergences = []
    for _ in range(40):
        losses = objective(batch)
        optimizer.zero_grad()
        losses["loss_distillation"].backward()
        optimizer.step()
        divergences.append(losses["loss_distillation"].item())
    assert 0 < divergences[-1] < 0.2 * divergences[0]
    after = teacher.model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_padding_teaches_nothing(batch):
    teacher = Recognizer(model=crnn(0), codec=CODEC)
    objective = DistilledObjective(model=crnn(1), codec=CODEC, teacher=teacher)
    wider = {**batch, "images": torch.nn.functional.pad(batch["images"], (0, 32), value=3.0)}
    with torch.inference_mode():
        one, other = (objective.eval()(b)["loss_distillation"] for b in (batch, wider))
    assert one > 0
    torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_a_teacher_of_another_charset_is_refused():
    teacher = Recognizer(model=crnn(0), codec=Codec(charset="wxyz"))
    with pytest.raises(ValueError, match="give both one charset"):
        DistilledObjective(model=crnn(0), codec=CODEC, teacher=teacher)
