"""Predictors against the textbook: one network, autograd over torch's own modules, whole matrices."""

import importlib
import math

import numpy as np
import pytest
import torch
from torch import nn

import plain
from common import ARCHITECTURES
from infoflow.engine.initialization import Ensemble, generator
from infoflow.predictors import measure, ntk_condition
from infoflow.predictors.kinds import PREDICTORS
from infoflow.predictors.measure import score_network
from infoflow.predictors.untrained import draw_untrained
from infoflow.studies.trainability.scores import FREE

SEED, CLASSES, SAMPLES = 11, 4, 7
VGG = {"kind": "vgg16", "activation": "relu"}
EXAMPLES = {
    "mlp": (ARCHITECTURES["mlp"], (5, 5), 4),
    "mlp erf": (ARCHITECTURES["mlp"] | {"activation": "erf"}, (5, 5), 4),
    "mlp relu": (ARCHITECTURES["mlp"] | {"activation": "relu"}, (5, 5), 4),
    "mlp gelu": (ARCHITECTURES["mlp"] | {"activation": "gelu"}, (5, 5), 4),
    "mlp pixels": (ARCHITECTURES["mlp pixels"], (4, 4), 4),
    "mlp shrinking": (ARCHITECTURES["mlp shrinking"], (5, 5), 4),
    "cnn": (ARCHITECTURES["cnn"], (8, 8), 4),
    "resnet": (ARCHITECTURES["resnet"], (8, 8, 3), 4),
    "resnet_dense": (ARCHITECTURES["resnet_dense"], (4, 4), 4),
    "vgg16": (VGG, (32, 32, 3), 4),
}
PLAIN = [name for name in EXAMPLES if name != "mlp erf"]  # torch has no module for erf


def draw(example: str, replicas=(0, 1, 2), sigma_w2=1.5, dtype=torch.float64, depth=None):
    options, shape, usual = EXAMPLES[example]
    random = torch.Generator().manual_seed(0)
    images = torch.rand(SAMPLES, *shape, generator=random, dtype=torch.float64).to(dtype)
    labels = torch.randint(CLASSES, (SAMPLES,), generator=random)
    ensemble = Ensemble(sigma_w2, 0.05, SEED, replicas)
    return draw_untrained(options, images, labels, CLASSES, depth or usual, ensemble)


class Textbook:
    """One replica as a torch.nn.Sequential of layers."""

    def __init__(self, untrained, replica: int):
        pairs = zip(untrained.layers, untrained.parameters, strict=True)
        self.layers = [plain.module(layer, p, replica).double() for layer, p in pairs]
        self.network = nn.Sequential(*self.layers)
        self.hidden = len(untrained.network.blocks)
        self.images, self.labels = untrained.images.double(), untrained.labels

    def weights(self, layer=None) -> list[nn.Parameter]:
        of = self.network if layer is None else layer
        return [p for name, p in of.named_parameters() if name.endswith("weight")]

    def loss(self):
        return nn.functional.cross_entropy(self.network(self.images), self.labels)

    def gradients(self, layer=None, **options):
        return torch.autograd.grad(self.loss(), self.weights(layer), **options)

    def outputs(self) -> list[torch.Tensor]:
        found = [self.images]
        for layer in self.layers:
            found.append(layer(found[-1]))
        return found[1:]


def flat(tensors) -> torch.Tensor:
    return torch.cat([t.flatten() for t in tensors])


def gradient_norm(book: Textbook) -> float:
    layers = [layer for layer in book.layers if book.weights(layer)]
    return sum(flat(book.gradients(layer)).norm() for layer in layers).log10().item()


def snip(book: Textbook) -> float:
    return (flat(book.weights()) * flat(book.gradients())).abs().sum().log10().item()


def fisher(book: Textbook) -> float:
    """Image by image."""
    total = 0.0
    for image, label in zip(book.images, book.labels):
        a, kept = image[None], []
        for layer in book.layers:
            a = layer(a)
            kept.append(a)
        hidden = kept[:-1]
        gradients = torch.autograd.grad(nn.functional.cross_entropy(a, label[None]), hidden)
        for k, (value, gradient) in enumerate(zip(hidden, gradients)):
            product = (value * gradient)[0]
            if book.convolutional[k] and product.ndim == 3:
                product = product.sum((0, 1))
            total += product.square().sum().item() / 2
    return math.log10(total / len(book.images))


def synflow(book: Textbook) -> float:
    """R by multiplication of the absolute weights, in a copy whose activations are linear."""
    x = torch.ones_like(book.images[:1])
    for parameter_name, parameter in book.network.named_parameters():
        parameter.data = parameter.data.abs() if parameter_name.endswith("weight") else torch.zeros_like(parameter)
    functions = [m for m in book.network.modules() if isinstance(m, nn.Tanh | nn.ReLU | nn.GELU)]
    for function in functions:
        function.forward = lambda z: z
    for call in [m for m in book.layers[0].modules() if isinstance(m, plain.Call)]:  # the standardisation of images
        call.function = lambda z: z
    r = book.network(x).sum()
    gradients = torch.autograd.grad(r, book.weights())
    book.euler = sum((g * w).sum() for g, w in zip(gradients, book.weights())).log().item()
    return r.log().item()


def jacobian_covariance(book: Textbook) -> float:
    rows = []
    for image in book.images:
        x = image[None].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(book.network(x).sum(), x)
        rows.append(gradient.flatten().numpy())
    v = np.linalg.eigvalsh(np.corrcoef(rows))
    return -np.sum(np.log(v + 1e-5) + 1 / (v + 1e-5))


def naswot(book: Textbook) -> float:
    """The signs of tanh are those of z; units of ReLU are active or not."""
    codes = []
    for k, output in enumerate(book.outputs()):
        if book.active[k]:
            inner = output[:, 1:-1, 1:-1] if book.wrapped[k] else output
            codes.append((inner > 0).double().flatten(1))
    c = torch.cat(codes, 1)
    kernel = (c @ c.T + (1 - c) @ (1 - c).T).long()  # counts of units
    found = determinant(kernel.tolist())
    return math.log(found) if found else -math.inf


def determinant(rows: list[list[int]]) -> int:
    """Of integers, exactly, by Bareiss' elimination: rounding must not decide which kernels are singular."""
    previous, sign = 1, 1
    while len(rows) > 1:
        first = next((k for k, row in enumerate(rows) if row[0]), None)
        if first is None:
            return 0
        if first:
            rows[0], rows[first], sign = rows[first], rows[0], -sign
        (pivot, *top), *below = rows
        rows = [[(pivot * x - row[0] * y) // previous for x, y in zip(row[1:], top)] for row in below]
        previous = pivot
    return sign * rows[0][0]


def condition(book: Textbook) -> float:
    """With the whole Jacobian by the parameters."""
    parameters = list(book.network.parameters())
    rows = [flat(torch.autograd.grad(book.network(x[None]).sum(), parameters)) for x in book.images]
    g = torch.stack(rows)
    values = torch.linalg.eigvalsh(g @ g.T)
    return (values[-1] / values[0]).log10().item()


TEXTBOOK = {
    "gradient_norm": gradient_norm,
    "snip": snip,
    "fisher": fisher,
    "synflow": synflow,
    "jacobian_covariance": jacobian_covariance,
    "naswot": naswot,
    "ntk_condition": condition,
}


@pytest.mark.parametrize("example", PLAIN)
@pytest.mark.parametrize("name", TEXTBOOK)
def test_predictors_are_those_of_the_textbook(name, example):
    untrained = draw(example)
    found = score_network(name, untrained).scores
    assert not found.reason
    for replica in range(untrained.replicas):
        book = Textbook(untrained, replica)
        ends = [predictor_end(layer) for layer in untrained.layers]
        book.convolutional = ["Convolution" in e[0] or "Pool" in e[0] for e in ends]
        book.active = [e[1] not in (None, "linear") for e in ends]
        book.wrapped = [e[2] for e in ends]
        assert found.raw[replica] == pytest.approx(TEXTBOOK[name](book), rel=1e-6)
        if name == "synflow":
            assert found.score[replica] == pytest.approx(book.euler, rel=1e-9)


def test_regular_and_singular_kernels_are_among_the_examples():
    """And the determinant that decides which is exact."""
    assert determinant([[2, 3], [4, 5]]) == -2
    assert determinant([[0, 1, 0], [1, 0, 0], [0, 0, 7]]) == -7
    assert determinant([[1, 2, 3], [4, 5, 6], [7, 8, 9]]) == 0
    scores = score_network("naswot", draw("mlp relu")).scores.raw
    assert (scores == -np.inf).any()
    assert np.isfinite(scores).any()


def predictor_end(layer) -> tuple[str, str | None, bool]:
    """Names of the maps that a layer is made of, its last activation, and whether its output has a border."""
    if hasattr(layer, "parts"):
        return predictor_end(layer.parts[-1])
    if hasattr(layer, "branch"):
        name, _, wrapped = predictor_end(layer.branch)
        return name, layer.activation, wrapped
    return type(layer).__name__, getattr(layer, "activation", None), bool(getattr(layer, "wrap", 0))


def test_grasp_is_that_of_the_whole_hessian():
    untrained = draw("mlp", replicas=[0])
    book = Textbook(untrained, 0)
    gradient = flat(book.gradients(create_graph=True))
    hessian = torch.stack([flat(torch.autograd.grad(g, book.weights(), retain_graph=True)) for g in gradient])
    expected = -(hessian @ gradient.detach() @ flat(book.weights())).item()
    assert score_network("grasp", untrained).scores.raw == pytest.approx([expected])


@pytest.mark.parametrize("example", PLAIN)
def test_grasp_is_the_change_of_the_squared_gradient(example):
    """-Σ (H g) W = -d/dε ½|g((1 + ε) W)|², by a central difference."""
    untrained = draw(example, replicas=[0])
    book, step, squares = Textbook(untrained, 0), 1e-8, []  # few units of ReLU cross zero
    weights = [w.detach().clone() for w in book.weights()]
    for factor in (1 + step, 1 - step):
        for own, w in zip(book.weights(), weights):
            own.data = factor * w
        squares.append(flat(book.gradients()).square().sum().item() / 2)
    found = score_network("grasp", untrained).scores
    assert found.raw[0] == pytest.approx(-(squares[0] - squares[1]) / (2 * step), rel=1e-4)
    assert found.score == pytest.approx(np.arcsinh(found.raw))


@pytest.mark.parametrize("example", PLAIN)
def test_the_gradient_ratio_is_that_of_the_textbook(example):
    untrained = draw(example)
    raw = score_network("gradient_ratio", untrained).scores.raw
    names = [b.name for b in untrained.network.blocks]
    for replica in range(untrained.replicas):
        book = Textbook(untrained, replica)
        of_blocks = [k for k in range(book.hidden) if book.weights(book.layers[k])]
        taken = [k for k in of_blocks if not names[k].startswith("stem")]
        squares = []
        for k in (taken[0], taken[-1]):
            pairs = zip(book.gradients(book.layers[k]), book.weights(book.layers[k]))
            squares.append(sum(g.square().sum() / w[0].numel() for g, w in pairs))
        assert raw[replica] == pytest.approx((squares[0] / squares[1]).log().item(), rel=1e-8)


@pytest.mark.parametrize("example", PLAIN)
def test_the_lyapunov_exponent_is_that_of_whole_jacobians(example):
    untrained = draw(example, replicas=[0, 1], depth=5)
    found = score_network("lyapunov", untrained).scores
    stream = generator(SEED, "lyapunov tangent")
    tangents = torch.randn(untrained.images.shape, generator=stream, dtype=torch.float64)
    for replica in range(2):
        book, growth = Textbook(untrained, replica), []
        for x, t in zip(untrained.images, tangents):
            rates = []
            for layer in book.layers[: book.hidden]:
                y, along = torch.autograd.functional.jvp(lambda x, f=layer: f(x[None])[0], x, t)
                rates.append((along.square().mean().sqrt() / t.square().mean().sqrt()).log())
                x, t = y, along
            growth.append(torch.stack(rates))
        rate = torch.stack(growth).mean(0)[3:].mean().item()
        assert found.raw[replica] == pytest.approx(rate, rel=1e-8)
        assert found.score[replica] == pytest.approx(-book.hidden * abs(rate))


@pytest.mark.parametrize("example", ["mlp", "mlp relu", "mlp shrinking", "cnn"])
def test_the_forward_correlation_is_the_mean_over_pairs(example):
    untrained = draw(example)
    found = score_network("forward_correlation", untrained).scores
    for replica in range(untrained.replicas):
        outputs = Textbook(untrained, replica).outputs()
        before = outputs[len(untrained.network.blocks) - 2]
        block, p = untrained.network.blocks[-1].forward, untrained.blocks[-1]
        z = block.pre_activation({n: v[replica : replica + 1] for n, v in p.items()}, before[None])[0].flatten(1)
        pairs = [nn.functional.cosine_similarity(z[i], z[j], dim=0).item() for i in range(SAMPLES) for j in range(i)]
        assert found.raw[replica] == pytest.approx(np.mean(pairs), rel=1e-10)


def test_small_distances_between_images_are_not_lost():
    """In the ordered phase 1 - c falls below the rounding of c."""
    deep = score_network("forward_correlation", draw("mlp", sigma_w2=0.3, depth=40)).scores
    assert (deep.raw == 1).all()
    assert (deep.score < -40).all()
    assert np.isfinite(deep.score).all()


def test_the_mean_field_score_is_six_correlation_lengths_per_depth():
    found = score_network("mean_field", draw("mlp", sigma_w2=1.5, depth=10)).scores
    assert found.raw == pytest.approx(15.7910, abs=1e-4)  # physics.md B3
    assert found.score == pytest.approx(6 * 15.7910 / 10, abs=1e-4)
    residual = score_network("mean_field", draw("resnet")).scores
    assert np.isfinite(residual.score).all()
    unknown = score_network("mean_field", draw("vgg16")).scores
    assert np.isnan(unknown.score).all()
    assert "max-pooling" in unknown.reason
    several = score_network("mean_field", draw("mlp gelu", sigma_w2=2.2)).scores
    assert np.isnan(several.score).all()
    assert "several fixed points" in several.reason


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("name", PREDICTORS)
def test_every_predictor_scores_every_architecture_or_says_why_not(name, example):
    untrained = draw(example, dtype=torch.float32)
    unsuited = getattr(importlib.import_module(f"infoflow.predictors.{name}"), "UNSUITED", {})
    with_reason = example.split()[0] in unsuited
    measured = score_network(name, untrained)
    found = measured.scores
    assert found.score.shape == found.raw.shape == (3,)
    assert found.score.dtype == found.raw.dtype == np.float64
    assert bool(found.reason) == with_reason
    if with_reason:
        assert np.isnan(found.score).all()
    else:  # two images may have the same code
        assert np.isfinite(found.score[found.score > -np.inf] if name == "naswot" else found.score).all()
    assert measured.seconds > 0
    assert np.isnan(measured.peak_bytes) or measured.peak_bytes >= 0


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("name", PREDICTORS)
def test_replicas_are_scored_alike_together_and_alone(name, example):
    """And twice the same."""
    untrained = draw(example)
    together = score_network(name, untrained).scores
    again = score_network(name, untrained).scores
    np.testing.assert_array_equal(together.score, again.score)
    parts = score_network(name, untrained, at_once=2).scores
    alone = [score_network(name, draw(example, replicas=[r])).scores for r in range(3)]
    for other in (parts.score, np.concatenate([a.score for a in alone])):
        np.testing.assert_allclose(other, together.score, rtol=1e-6)
    if not together.reason and name not in FREE:
        assert len(set(together.score)) == 3


def test_very_deep_networks_do_not_underflow():
    """Gradients of 1e-60 and less: their logarithms are still those of theory, to the finite width."""
    untrained = draw("mlp", sigma_w2=0.1, depth=150)
    for name in PREDICTORS:
        scores = score_network(name, untrained).scores
        assert not np.isnan(scores.score).any(), (name, scores.reason)
    assert (score_network("gradient_ratio", untrained).scores.score < -2 * 60 * math.log(10)).all()


def test_what_cannot_be_scored_has_a_reason():
    shallow = score_network("gradient_ratio", draw("mlp", depth=1)).scores
    assert np.isnan(shallow.score).all()
    assert "two hidden layers" in shallow.reason
    dead = score_network("jacobian_covariance", draw("mlp", sigma_w2=0.0)).scores
    assert np.isnan(dead.score).all()
    assert "zero or not finite" in dead.reason


def test_the_kernel_is_that_of_the_first_images():
    untrained = draw("mlp")
    whole = ntk_condition.tangent_kernel(untrained, SAMPLES)
    torch.testing.assert_close(ntk_condition.tangent_kernel(untrained, 3), whole[:, :3, :3])


def test_the_peak_of_memory_is_seen():
    """Of memory that is touched for a moment only; 64 MiB come from the system, and go back to it."""
    with measure.peak_memory(torch.device("cpu")) as peak:
        assert np.ones(8 << 20).sum() == 8 << 20
    assert np.isnan(peak.bytes) or peak.bytes > 60 << 20


def test_memory_is_not_known_where_the_kernel_does_not_tell(monkeypatch, tmp_path):
    monkeypatch.setattr(measure, "PROCESS", tmp_path / "nowhere")
    measured = score_network("naswot", draw("mlp"))
    assert np.isnan(measured.peak_bytes)
    assert np.isfinite(measured.scores.score).any()


@pytest.mark.parametrize("name", PREDICTORS)
def test_of_a_network_that_overflows_nothing_is_said_that_is_not_known(name):
    """Of numbers that are not finite there is neither a sign nor a condition number; the other replica is scored."""
    untrained = draw("mlp relu", replicas=(0, 1))
    for layer in untrained.blocks:
        layer["weight"][1] *= 1e120
    found = score_network(name, untrained).scores
    whole = score_network(name, draw("mlp relu", replicas=(0,))).scores
    np.testing.assert_allclose(found.score[0], whole.score[0], rtol=1e-9)
    others = {*FREE, "synflow", "lyapunov"}  # they have no activations, or look at directions only
    assert np.isnan(found.score[1]) == (name not in others)
