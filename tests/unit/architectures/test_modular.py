"""Draws of modules: which parameters, from which random numbers."""

import copy
import math

import pytest
import torch
from torch import nn

from infoflow.architectures.modular import GAUSSIAN, OWN, Modular, draw_module, find_parameters
from infoflow.engine.initialization import COMMON, Ensemble
from infoflow.errors import InfoflowError


class Attentive(nn.Module):
    """Rows of an image as tokens, with parameters of all sorts."""

    def __init__(self):
        super().__init__()
        self.position = nn.Parameter(torch.randn(1, 6, 64) * 0.02)
        self.embed = nn.Linear(5, 64)
        self.attention = nn.MultiheadAttention(64, 2, batch_first=True)
        self.norm = nn.LayerNorm(64)
        self.slope = nn.PReLU(64)
        self.scores = nn.Linear(64, 3)
        nn.init.normal_(self.norm.bias)

    def forward(self, x):
        x = self.embed(x[:, 0]) + self.position
        x, _ = self.attention(x, x, x)
        return self.scores(self.slope(self.norm(x).mean(1)))


def network(make=Attentive, weights=GAUSSIAN, shape=(6, 5)):
    return Modular("own", make, shape, 3, weights)


ENSEMBLE = Ensemble(4.0, 9.0, 0, [0, 1])


def same(one, other):
    return [name for name, p in one.state_dict().items() if torch.equal(p, other.state_dict()[name])]


def test_matrices_and_their_biases_are_found():
    matrices, biases = find_parameters(Attentive())
    assert set(matrices) == {"embed.weight", "attention.in_proj_weight", "attention.out_proj.weight", "scores.weight"}
    assert set(biases) == {"embed.bias", "attention.in_proj_bias", "attention.out_proj.bias", "scores.bias"}


def test_gaussian_weights_are_drawn_anew_and_all_else_stays():
    state = torch.get_rng_state()
    drawn, own = draw_module(network(), ENSEMBLE, 0), draw_module(network(weights=OWN), ENSEMBLE, 0)
    assert torch.equal(torch.get_rng_state(), state)
    assert set(same(drawn, own)) == {"position", "norm.weight", "norm.bias", "slope.weight"}
    assert drawn.attention.in_proj_weight.var().item() == pytest.approx(4 / 64, rel=0.05)
    assert drawn.embed.weight.var().item() == pytest.approx(4 / 5, rel=0.2)
    assert drawn.attention.in_proj_bias.var().item() == pytest.approx(9, rel=0.3)


def test_own_weights_are_multiplied():
    drawn, plain = (draw_module(network(weights=OWN), Ensemble(w, b, 0, [0], COMMON), 0) for w, b in ((4, 9), (1, 1)))
    matrices, biases = find_parameters(plain)
    for name, p in drawn.named_parameters():
        factor = 2 if name in matrices else 3 if name in biases else 1
        torch.testing.assert_close(p, factor * dict(plain.named_parameters())[name])
    assert plain.embed.weight.abs().max() <= 1 / math.sqrt(5)  # as torch draws them


@pytest.mark.parametrize("weights", [GAUSSIAN, OWN])
def test_a_draw_depends_on_seed_replica_and_variances_alone(weights):
    def draw(replica=0, **changes):
        options = {"sigma_w2": 1.0, "sigma_b2": 0.5, "seed": 0, "replicas": [replica]} | changes
        torch.rand(3)  # what others draw makes no difference
        return draw_module(network(weights=weights), Ensemble(**options), replica)

    first = draw()
    assert len(same(first, draw())) == len(first.state_dict())
    assert len(same(first, draw(replicas=[0, 1], draws="independent"))) == len(first.state_dict())
    for other in (draw(1), draw(seed=1), draw(sigma_w2=1.5), draw(sigma_b2=0.6)):
        assert not {"embed.weight", "scores.bias", "position"} & set(same(first, other))
    one, other = draw(draws=COMMON), draw(draws=COMMON, sigma_w2=4.0)
    torch.testing.assert_close(2 * one.scores.weight, other.scores.weight)
    assert torch.equal(one.scores.bias, other.scores.bias)


def test_a_module_is_of_the_type_that_is_wanted():
    drawn = draw_module(network(), ENSEMBLE, 0, dtype=torch.float64)
    assert {p.dtype for p in drawn.parameters()} == {torch.float64}
    assert draw_module(network(), ENSEMBLE, 0).training


def test_what_has_no_matrix_or_takes_other_images_is_refused():
    with pytest.raises(InfoflowError, match="^own: has no matrix of weights"):
        draw_module(network(lambda: nn.Flatten()), ENSEMBLE, 0)
    with pytest.raises(InfoflowError, match="^own: does not take images of 1 x 6 x 6: RuntimeError, ") as refusal:
        draw_module(network(shape=(6, 6)), ENSEMBLE, 0)
    assert "\n" not in str(refusal.value)


def test_the_trial_leaves_running_statistics_and_modes():
    class Normalised(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Flatten(), nn.Linear(30, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 3))
            self[3].eval()

    drawn = draw_module(network(Normalised), ENSEMBLE, 0)
    assert int(drawn[2].num_batches_tracked) == 0
    assert [part.training for part in drawn] == [True, True, True, False, True]
    assert copy.deepcopy(drawn)(torch.rand(2, 1, 6, 5)).shape == (2, 3)
