import re

import numpy as np
import pytest
from PIL import Image

from common import ROOT, load_config, one_experiment, plugins
from infoflow import datasets
from infoflow.datasets.images import load_images
from infoflow.datasets.kinds import DATASETS, SIZES, image_shape, is_labelled, set_sizes
from infoflow.errors import InfoflowError
from infoflow.files.originals import find_data_root
from infoflow.plan import Plan

DATA = {
    "arrays": [],  # of files of the user's own, like the next two: see below
    "cifar10": [{}, {"colour": True}],
    "digits": [{}, {"train_samples": 20, "test_samples": 30}],
    "fashion_mnist": [{}],
    "image_folder": [],
    "mnist": [{}, {"test_samples": 100}],
    "o3": [{}, {"train_fraction": 0.3333}, {"train_fraction": 0.5, "train_samples": 9}],
    "photographs": [{"train_samples": 3, "test_samples": 2} | more for more in ({}, {"size": 16}, {"colour": False})],
    "table": [],
    "white_noise": [{"shape": s, "train_samples": 3, "test_samples": 2} for s in ([4, 5], [4, 5, 3])],
}
DATA |= {
    kind: [dict.fromkeys(about.needed, 3)]
    for kind, about in DATASETS.items()
    if kind not in DATA and set(about.needed) <= set(SIZES)
}
"""By kind, options of data sets; a kind without any of its own, and without keys of its own that it needs, as it is."""


def test_the_table_names_the_modules():
    assert sorted(DATASETS) == plugins(datasets, "images", "prepared", "samples", "prepare_dataset")


def test_every_kind_of_data_set_is_tried():
    assert sorted(DATA) == sorted(DATASETS)


@pytest.mark.parametrize(("kind", "options"), [(k, o) for k, several in DATA.items() for o in several], ids=str)
def test_sizes_and_shapes_are_those_of_what_is_loaded(kind, options):
    root = find_data_root(None)
    folder = {"cifar10": "cifar-10-batches-py", "fashion_mnist": "FashionMNIST", "mnist": "MNIST"}.get(kind)
    if folder and not (root / folder).is_dir():
        pytest.skip(f"needs {folder}: set INFOFLOW_DATA to a directory in torchvision's layout")
    entry = {"kind": kind, **options}
    images = load_images(entry, root, seed=0)
    assert set_sizes(entry) == (len(images.train_images), len(images.test_images))
    assert image_shape(entry) == images.train_images.shape[1:]


def test_pictures_of_a_folder_have_the_size_that_they_are_resized_to(tmp_path):
    for number in range(4):
        path = tmp_path / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (30, 20)).save(path)
    for more in ({}, {"size": 8}, {"size": 8, "colour": False}):
        entry = {"kind": "image_folder", "path": str(tmp_path), "train_samples": 2, "test_samples": 2, **more}
        images = load_images(entry, tmp_path, seed=0)
        assert set_sizes(entry) == (2, 2)
        assert image_shape(entry) == images.train_images.shape[1:]


def test_the_shape_of_arrays_and_tables_is_in_their_files(tmp_path):
    np.savez(tmp_path / "own.npz", x=np.zeros((30, 4, 4), np.uint8), y=np.arange(30) % 2)
    (tmp_path / "own.csv").write_text("a,b,label\n" + "0.5,1,x\n0.5,0,y\n" * 15)
    for kind, path in (("arrays", "own.npz"), ("table", "own.csv")):
        entry = {"kind": kind, "path": path, "train_samples": 20, "test_samples": 10}
        images = load_images(entry, tmp_path, seed=0)
        assert set_sizes(entry) == (len(images.train_images), len(images.test_images))
        assert image_shape(entry) is None
        assert is_labelled({"datasets": {"own": entry}}, "own")
        assert not is_labelled({"datasets": {"own": entry | {"labels": None}}}, "own")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"standardise": True, "range": [0, 1]}, "datasets.own: range and standardise both scale; leave one out"),
        ({"range": [1, 0]}, "datasets.own.range: [1, 0] does not go upwards; swap its ends"),
        ({"range": [1]}, "datasets.own.range: [1] is too short"),
        ({"layout": "HWC"}, "datasets.own.layout: 'HWC' is not one of ['NHWC', 'NCHW']"),
        ({"columns": ["a"]}, "datasets.own.columns: only table has a columns to choose"),
        ({"labels": None}, "dataset 'own' has no labels to train on; set truth: false"),
    ],
)
def test_keys_of_own_arrays_are_checked_before_a_job_is_planned(options, message):
    own = {"kind": "arrays", "path": "own.npz", "train_samples": 500, "test_samples": 1000}
    Plan(one_experiment(own | {"range": [-1, 1], "layout": "NCHW", "labels": "y"}), ROOT)
    with pytest.raises(InfoflowError, match=re.escape(message)):
        Plan(one_experiment(own | options), ROOT)


FEW = {"kind": "photographs", "size": 8, "train_samples": 80, "test_samples": 60}
VECTORS = {"kind": "white_noise", "shape": [1, 64], "train_samples": 2000, "test_samples": 1000}
ENTROPY = {"dataset": "own", "architecture": "mlp", "sigma_w2": [1.0], "sigma_b2": [0.0], "depth": [2], "images": 61}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            one_experiment(FEW),
            "config: probe.evaluation_samples: 1000, but the test set of own has only 60 images; set "
            "datasets.own.probe.evaluation_samples to at most 60",
        ),
        (
            one_experiment(FEW, architectures={"mlp": {"probe": {"evaluation_samples": 61}}}),
            "architectures.mlp.probe.evaluation_samples: 61, but the test set of own has only 60 images; set "
            "architectures.mlp.probe.evaluation_samples to at most 60",
        ),
        (
            one_experiment({"kind": "digits", "probe": {"evaluation_samples": 361}}),
            "datasets.own.probe.evaluation_samples: 361, but the test set of own has only 360 images",
        ),
        (
            one_experiment({"kind": "o3", "train_fraction": 0.9, "probe": {"evaluation_samples": 411}}),
            "datasets.own.probe.evaluation_samples: 411, but the test set of own has only 410 images",
        ),
        (
            one_experiment(FEW | {"probe": {"evaluation_samples": 9}}),
            "probe.kernel_samples: 300, but the training set of own has only 80 images; set "
            "datasets.own.probe.kernel_samples to at most 80",
        ),
        (
            one_experiment(FEW | {"train_samples": 63, "probe": {"kernel_samples": 20, "evaluation_samples": 9}}),
            "predictors.batch_size: 64, but the training set of own has only 63 images; set predictors.batch_size to "
            "at most 63",
        ),
        (
            one_experiment(
                VECTORS, {"truth_dataset": "few"}, datasets={"few": FEW | {"train_samples": 20}}, probe={"epochs": 1}
            ),
            "predictors.batch_size: 64, but the training set of few has only 20 images",
        ),
        (
            one_experiment(
                VECTORS,
                {"truth_dataset": "few", "decisions": {"sigma_w2": 1.0, "sigma_b2": 0.0, "depth": 2}},
                datasets={"few": FEW},
            ),
            "probe.evaluation_samples: 1000, but the test set of few has only 60 images",
        ),
        (
            one_experiment(
                FEW | {"probe": {"kernel_samples": 20, "evaluation_samples": 9}}, network_entropy={"few": ENTROPY}
            ),
            "network_entropy.few.images: 61, but the test set of own has only 60 images",
        ),
        (
            one_experiment(
                FEW | {"probe": {"kernel_samples": 20, "evaluation_samples": 9}},
                information_plane=load_config()["information_plane"] | {"dataset": "own", "samples": 141},
            ),
            "information_plane.samples: 141, but own has only 140 images; set information_plane.samples to at most 140",
        ),
        (
            one_experiment({"kind": "mnist", "train_samples": 60_001}),
            "datasets.own.train_samples: 60001, but mnist has only 60000",
        ),
        (
            one_experiment({"kind": "digits", "test_samples": 400}),
            "datasets.own.test_samples: 400, but digits has only 360",
        ),
        (
            one_experiment({"kind": "o3", "train_fraction": 0.99999}),
            "own.train_fraction: it leaves no pattern for test_samples",
        ),
    ],
    ids=range(13),
)
def test_more_images_than_there_are_are_refused_before_a_job_is_planned(config, message):
    with pytest.raises(InfoflowError, match=re.escape(message)) as refusal:
        Plan(config, ROOT)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "config",
    [
        one_experiment(FEW | {"probe": {"kernel_samples": 20, "evaluation_samples": 60}}),
        one_experiment(
            FEW | {"train_samples": 20, "probe": {"kernel_samples": 20, "evaluation_samples": 60}}, predictors=None
        ),
        one_experiment(
            FEW | {"train_samples": 20, "probe": {"kernel_samples": 20, "evaluation_samples": 60}}, {"truth": False}
        ),
        # these take what there is
        one_experiment(
            FEW | {"probe": {"kernel_samples": 20, "evaluation_samples": 9, "batch_size": 500, "ridge_samples": 5000}},
            train={"batch_size": 99},
        ),
        one_experiment(VECTORS, {"truth": False}),
    ],
    ids=range(5),
)
def test_as_many_images_as_there_are_are_accepted(config):
    assert Plan(config, ROOT).wanted() == ["own"]
