import hashlib
import os
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision.models import VGG16_Weights, vgg16

import plain
from infoflow.architectures import vgg16 as architecture
from infoflow.architectures.build import build_network
from infoflow.architectures.vgg16 import NAMES, load_weights
from infoflow.engine.initialization import Ensemble, draw_gaussian, draw_order, scale_weights
from infoflow.engine.maps.dense import Dense
from infoflow.engine.maps.map import apply
from infoflow.engine.maps.pooling import Unpool
from infoflow.errors import InfoflowError
from infoflow.reconstruction.cascade import reconstruct

OPTIONS = {"kind": "vgg16", "activation": "relu", "unpool": "learned"}
SMALL = (32, 32, 3)
SEED = 5
ADAM = {"method": "adam", "epochs": 1, "batch_size": 4, "learning_rate": 1e-3}


def blocks(shape=SMALL, depth=22, **options):
    return build_network(OPTIONS | options, shape, 10, depth).blocks


# --- the architecture


@pytest.mark.parametrize("side", [32, 224])
def test_the_network_has_the_published_groups(side):
    cut = blocks((side, side, 3))
    stages = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]
    states, names = [], []
    for stage, (channels, convolutions) in enumerate(stages):
        at, after = side >> stage, side >> stage + 1
        states += [(at, at, channels)] * convolutions + [(after, after, channels)]
        names += [f"conv{stage + 1}_{k + 1}" for k in range(convolutions)] + [f"pool{stage + 1}"]
    states += [(512 * (side // 32) ** 2,), (4096,), (4096,), (1000,)]
    assert [b.forward.output_shape for b in cut] == states
    assert [b.name for b in cut] == [*names, "flatten", "fc6", "fc7", "fc8"]
    assert cut[0].forward.input_shape == (side, side, 3)
    # inverses: ReLU after all but pooling, and none of Flatten
    activations = [getattr(b.inverse, "activation", None) for b in cut]
    assert activations == [{"p": "linear", "f": "relu", "c": "relu"}[n[0]] for n in names] + [None] + ["relu"] * 3
    pooling = [b.inverse for b in cut if b.name.startswith("pool")]
    assert all((p.kernel, p.stride, p.input_shape[2]) == (2, 2, p.output_shape[2]) for p in pooling)


def test_images_are_standardised_like_torchvision_does():
    preset = VGG16_Weights.IMAGENET1K_V1.transforms()
    assert (tuple(preset.mean), tuple(preset.std)) == (architecture.MEAN, architecture.DEVIATION)
    assert blocks(depth=1)[0].forward.parameter_shapes == {"1.weight": (64, 3, 3, 3), "1.bias": (64,)}


@pytest.mark.parametrize("unpool", ["learned", "recorded"])
def test_a_shallow_network_is_the_beginning_of_the_deep_one(unpool):
    deep = blocks(unpool=unpool)
    for depth in range(1, 23):
        network = build_network(OPTIONS | {"unpool": unpool}, SMALL, 7, depth, "reference")
        assert network.blocks == deep[:depth]
        assert [b.name for b in network.blocks] == list(NAMES[:depth])
        assert network.head == (Dense(deep[depth - 1].forward.output_shape, (7,), "linear"),)


@settings(max_examples=20)
@given(rows=st.integers(32, 80), columns=st.integers(32, 80), unpool=st.sampled_from(["learned", "recorded"]))
def test_inverses_undo_the_shapes(rows, columns, unpool):
    shape = (rows, columns, 3)
    for block in blocks(shape, unpool=unpool):
        assert block.forward.input_shape == shape
        assert block.inverse.output_shape == shape
        shape = block.forward.output_shape
        assert block.inverse.input_shape == shape
        assert isinstance(block.inverse, Unpool) == (unpool == "recorded" and block.name.startswith("pool"))


@pytest.mark.parametrize("shape", [(31, 40, 3), (32, 32), (32, 32, 1), (32, 32, 4), (3072,)])
def test_what_is_no_colour_image_is_refused(shape):
    with pytest.raises(InfoflowError, match="vgg16 needs colour images of at least 32 x 32 pixels"):
        blocks(shape)


def test_other_options_are_refused():
    with pytest.raises(InfoflowError, match="has 22 layers, so its depth cannot be 23"):
        blocks(depth=23)
    with pytest.raises(InfoflowError, match="activation is tanh.* set it to relu"):
        blocks(activation="tanh")
    with pytest.raises(InfoflowError, match="unpool: 'no' is unknown"):
        blocks(unpool="no")


# --- weights


@pytest.fixture(scope="module")
def reference():
    """Torchvision's network for images of 32 x 32 pixels."""
    torch.manual_seed(0)
    network = vgg16(weights=None, init_weights=False)
    network.avgpool = nn.Identity()
    network.classifier[0] = nn.Linear(512, 4096)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):  # the defaults of torch would make its output the biases alone
            module.weight.data.mul_(2.4)
    return network.eval()


@pytest.fixture(scope="module")
def folder(reference, tmp_path_factory):
    path = tmp_path_factory.mktemp("data")
    torch.save(reference.state_dict(), path / "own.pth")
    yield path
    (path / "own.pth").unlink()  # 150 MB


def test_all_layers_with_a_files_weights_equal_torchvisions(reference, folder):
    images = torch.rand(2, *SMALL, generator=torch.Generator().manual_seed(1))
    preset = VGG16_Weights.IMAGENET1K_V1.transforms()
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (preset.mean, preset.std))
    with torch.no_grad():
        expected = reference((images.permute(0, 3, 1, 2) - mean) / deviation)
    x = images[None]
    weights = load_weights({"weights": "own.pth"}, folder, SMALL, 22)
    for block, p in zip(blocks(), weights, strict=True):
        assert {name: tuple(value.shape) for name, value in p.items()} == block.forward.parameter_shapes
        assert not any(value.requires_grad for value in p.values())
        x = apply(block.forward, {name: value[None] for name, value in p.items()}, x)
    assert (expected[0] - expected[1]).std() > 0.01 * expected.std()  # the images are seen
    torch.testing.assert_close(x[0], expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def hollow(shape=SMALL, **changes):
    """A state dict of the right sizes that takes no space."""
    wanted = architecture._network(shape).state_dict()
    return {name: torch.zeros(()).expand(p.shape) for name, p in wanted.items()} | changes


def test_weights_are_those_of_the_probed_layers(tmp_path):
    torch.save(hollow((224, 224, 3)), tmp_path / "w.pth")
    for depth in (1, 5, 19):
        weights = load_weights({"weights": "w.pth"}, tmp_path, (64, 40, 3), depth)
        shapes = [{name: tuple(value.shape) for name, value in p.items()} for p in weights]
        assert shapes == [b.forward.parameter_shapes for b in blocks((64, 40, 3), depth)]
    load_weights({"weights": str(tmp_path / "w.pth")}, tmp_path / "elsewhere", (224, 250, 3), 1)
    with pytest.raises(InfoflowError, match=r"w.pth: classifier.0.weight .*\(4096, 25088\), not \(4096, 1024\).*224 x"):
        load_weights({"weights": "w.pth"}, tmp_path, (64, 40, 3), 20)


def test_the_checksum_is_compared_before_anything_is_loaded(tmp_path, monkeypatch):
    torch.save(hollow(), tmp_path / "w.pth")
    digest = hashlib.sha256((tmp_path / "w.pth").read_bytes()).hexdigest()
    load_weights({"weights": "w.pth", "weights_sha256": digest.upper()}, tmp_path, SMALL, 1)
    named = tmp_path / f"vgg16-{digest[:8]}.pth"
    (tmp_path / "w.pth").rename(named)
    load_weights({"weights": named.name}, tmp_path, SMALL, 1)
    monkeypatch.setattr(torch, "load", None)
    with pytest.raises(InfoflowError, match=f"its SHA-256 is {digest}, but weights_sha256 is 0123"):
        load_weights({"weights": named.name, "weights_sha256": "0123"}, tmp_path, SMALL, 1)
    wrong = named.rename(tmp_path / "vgg16-01234567.pth")
    with pytest.raises(InfoflowError, match="vgg16-01234567.pth: its SHA-256 .* should begin with 01234567"):
        load_weights({"weights": wrong.name}, tmp_path, SMALL, 1)


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("by", ["torch", "pickle"])
def test_a_pickle_that_runs_code_is_refused_and_not_run(tmp_path, by):
    contents = {"features.0.bias": Malicious(tmp_path / "created")}
    if by == "torch":
        torch.save(contents, tmp_path / "w.pth")
    else:
        (tmp_path / "w.pth").write_bytes(pickle.dumps(contents, protocol=2))
    with pytest.raises(InfoflowError, match=r"w.pth: damaged, or holds more than tensors[^\n]*$"):
        load_weights({"weights": "w.pth"}, tmp_path, SMALL, 1)
    assert not (tmp_path / "created").exists()
    with (tmp_path / "w.pth").open("rb") as file:  # it would have run
        torch.load(file, weights_only=False) if by == "torch" else pickle.load(file)
    assert (tmp_path / "created").exists()


NO_WEIGHTS = {
    "not a state dict": [
        lambda: [torch.zeros(3)],
        lambda: {"a": 3},
        lambda: {"a": torch.zeros(3, dtype=torch.int64)},
        lambda: hollow(a=torch.zeros(3).to_sparse()),
        lambda: hollow(a=torch.zeros(3, device="meta")),
    ],
    "it has besides extra;": [lambda: hollow(extra=torch.zeros(3))],
    "it lacks features.0.bias;": [lambda: {k: p for k, p in hollow().items() if k != "features.0.bias"}],
    "it lacks classifier.0.bias, classifier.0.weight, classifier.3.bias and 29 more;": [dict],
    r"features.2.weight is of size \(64, 64, 1, 1\), not \(64, 64, 3, 3\)": [
        lambda: hollow(**{"features.2.weight": torch.zeros(64, 64, 1, 1)})
    ],
    "features.0.bias has values that are NaN or infinite": [
        lambda: hollow(**{"features.0.bias": torch.full((64,), torch.nan)})
    ],
    r"classifier.6.bias is of size \(10,\), not \(1000,\)": [lambda: hollow(**{"classifier.6.bias": torch.zeros(10)})],
    r"classifier.0.weight is of size \(4096, 7\), not \(4096, 512\); weights should hold": [
        lambda: hollow(**{"classifier.0.weight": torch.zeros(4096, 7)})
    ],
}


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
@pytest.mark.parametrize(
    ("why", "make"), [pytest.param(w, make, id=w) for w, several in NO_WEIGHTS.items() for make in several]
)
def test_what_are_no_weights_of_the_network_is_refused(tmp_path, why, make):
    torch.save(make(), tmp_path / "w.pth")
    with pytest.raises(InfoflowError, match=f"w.pth: [^\n]*{why}[^\n]*$"):
        load_weights({"weights": "w.pth"}, tmp_path, SMALL, 22)


def test_missing_and_damaged_files_are_told(tmp_path):
    (tmp_path / "w.pth").write_bytes(b"")
    (tmp_path / "v.pth").write_bytes(b"not of torch")
    torch.save(hollow(), tmp_path / "u.pth")
    (tmp_path / "u.pth").write_bytes((tmp_path / "u.pth").read_bytes()[:-100])
    for name in ("w.pth", "v.pth", "u.pth"):
        with pytest.raises(InfoflowError, match=rf"{name}: (damaged|empty)[^\n]*$"):
            load_weights({"weights": name}, tmp_path, SMALL, 1)
    for name in ("nowhere.pth", "."):
        with pytest.raises(InfoflowError, match="cannot be read .* set weights to IMAGENET1K_V1 or to the path"):
            load_weights({"weights": name}, tmp_path, SMALL, 1)


def test_torchvisions_weights_are_downloaded_once_and_checked(tmp_path, monkeypatch):
    path = tmp_path / "weights/vgg16-397923af.pth"
    asked = []

    def fetch(url, destination, prefix, progress):
        asked.append((url.rpartition("/")[2], destination, prefix))
        torch.save(hollow(), destination)

    monkeypatch.setattr(architecture, "download_url_to_file", fetch)
    for _ in range(2):  # what is there is not downloaded again, but checked: here it is another file
        with pytest.raises(InfoflowError, match="vgg16-397923af.pth: its SHA-256 .* should begin with 397923af"):
            load_weights({"weights": "IMAGENET1K_V1"}, tmp_path, SMALL, 1)
    assert asked == [(path.name, str(path), "397923af")]
    path.unlink()

    def fail(*arguments, **options):
        raise OSError("no route")

    monkeypatch.setattr(architecture, "download_url_to_file", fail)
    with pytest.raises(InfoflowError, match="cannot download the weights of VGG16 .*no route.*put them there"):
        load_weights({"weights": "IMAGENET1K_V1"}, tmp_path, SMALL, 1)


# --- the cascade


@pytest.mark.parametrize("unpool", ["learned", "recorded"])
def test_a_short_cascade_equals_the_plain_loop(folder, unpool):
    images = torch.rand(8, *SMALL, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    cut = blocks(depth=5, unpool=unpool)
    weights = load_weights({"weights": "own.pth"}, folder, SMALL, 5)
    sigmas = 1.2, 0.8
    found = reconstruct(cut, Ensemble(*sigmas, SEED, range(2)), images, images[:3], ADAM, weights)
    assert found.reconstructions.shape == (2, 5, 3, *SMALL)
    assert found.reconstructions.isfinite().all()
    assert found.losses.isfinite().all()
    if unpool == "recorded":  # the plain loop has no positions
        return
    frozen = scale_weights(weights, *sigmas, range(1), dtype=images.dtype, device=images.device)
    layers = [plain.module(b.forward, p) for b, p in zip(cut, frozen)]
    for r in range(2):
        inverses = plain.inverse_layers([b.inverse for b in cut], SEED, r, dtype=images.dtype)
        order = draw_order(SEED, "probe order", 0, [r], len(images))[0]
        batches = [images[batch] for batch in order.split(ADAM["batch_size"])]
        losses = plain.train_inverses(layers, inverses, batches, ADAM["learning_rate"])
        torch.testing.assert_close(found.losses[r], losses, rtol=1e-9, atol=1e-12)
        expected = plain.compose(layers, inverses, images[:3])
        torch.testing.assert_close(found.reconstructions[r], expected, rtol=1e-9, atol=1e-11)


def test_random_weights_are_drawn_for_all_parameters():
    (first, second) = draw_gaussian([b.forward for b in blocks(depth=2)], 2.0, 0.1, SEED, "frozen", [0])
    assert first["1.weight"].var().item() == pytest.approx(2 / 27, rel=0.2)
    assert second["weight"].var().item() == pytest.approx(2 / 576, rel=0.05)
