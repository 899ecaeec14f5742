import logging
import pickle

import h5py
import netCDF4
import numpy as np
import pytest

from infoflow.datasets.images import load_images
from infoflow.errors import InfoflowError

OWN = {"kind": "arrays", "train_samples": 20, "test_samples": 10}
RNG = np.random.default_rng(0)
LABELS = np.tile([3, 7, 7], 10)
"""30 samples, of class 7 twice as many as of class 3."""
BYTES = RNG.integers(0, 256, (30, 6, 5), np.uint8)
BYTES[:, 0, 0] = np.arange(30)  # who is who


def save(path, **arrays) -> dict:
    """Options of a data set of a file with such arrays, by its ending."""
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    elif path.suffix == ".npy":
        np.save(path, arrays["x"])
        if "y" in arrays:
            np.save(path.with_name("labels.npy"), arrays["y"])
    else:
        with netCDF4.Dataset(path, "w") as file:
            for name, values in arrays.items():
                for axis, size in enumerate(values.shape):
                    file.createDimension(f"{name}_{axis}", size)
                kind = str if values.dtype.kind == "U" else values.dtype
                variable = file.createVariable(name, kind, [f"{name}_{k}" for k in range(values.ndim)])
                variable[...] = values.astype(object) if kind is str else values
    return OWN | {"path": path.name}


@pytest.mark.parametrize("ending", [".npz", ".npy", ".h5"])
def test_the_samples_of_a_file_are_split_each_class_in_proportion(tmp_path, ending):
    more = {"labels": "labels.npy"} if ending == ".npy" else {}
    options = save(tmp_path / f"own{ending}", x=BYTES, y=LABELS) | more
    images, same, other = (load_images(options, tmp_path, seed) for seed in (0, 0, 1))
    assert images.class_names == ("3", "7")
    assert images.levels == 255
    everything = np.concatenate([images.train_images, images.test_images])
    who = everything[:, 0, 0]
    assert sorted(who) == list(range(30))
    assert np.array_equal(everything, BYTES[who])
    labels = np.concatenate([images.train_labels, images.test_labels])
    assert np.array_equal(labels, (LABELS[who] == 7).astype(int))
    assert np.bincount(images.test_labels).tolist() in ([3, 7], [4, 6])
    assert np.array_equal(images.train_images, same.train_images)
    assert not np.array_equal(images.train_images, other.train_images)
    fewer = load_images(options | {"train_samples": 5}, tmp_path, 0)
    assert np.array_equal(fewer.train_images, images.train_images[:5])


def test_what_was_read_is_in_the_log(tmp_path, caplog):
    caplog.set_level(logging.INFO, "infoflow")
    load_images(save(tmp_path / "own.npz", x=BYTES, y=np.array(["cat", "dog", "dog"] * 10)), tmp_path, 0)
    assert caplog.messages[-1].endswith("own.npz: 20 + 10 samples of 6 x 5, 2 classes: cat 10, dog 20")


@pytest.mark.parametrize(
    "names",
    [("x_train", "x_test", "y_train", "y_test"), ("train_images", "test_images", "train_labels", "test_labels")],
)
def test_a_split_in_the_file_is_kept(tmp_path, names):
    arrays = (BYTES[:20], BYTES[20:], LABELS[:20, None], LABELS[20:, None])  # labels as a column
    images = load_images(save(tmp_path / "own.npz", **dict(zip(names, arrays))), tmp_path, 0)
    assert sorted(images.train_images[:, 0, 0]) == list(range(20))
    assert sorted(images.test_images[:, 0, 0]) == list(range(20, 30))


@pytest.mark.parametrize("channels", [2, 3, 7])
def test_any_number_of_channels_in_either_layout(tmp_path, channels):
    last = RNG.integers(0, 256, (30, 8, 9, channels), np.uint8)
    first = np.moveaxis(last, -1, 1)
    found = [
        load_images(save(tmp_path / "own.npz", x=x, y=LABELS) | {"layout": layout}, tmp_path, 0).train_images
        for x, layout in ((last, "NHWC"), (first, "NCHW"))
    ]
    assert found[0].shape == (20, 8, 9, channels)
    assert np.array_equal(*found)


def test_grey_images_have_no_axis_of_channels(tmp_path):
    options = save(tmp_path / "own.npz", x=BYTES[:, None], y=LABELS) | {"layout": "NCHW"}
    assert load_images(options, tmp_path, 0).train_images.shape == (20, 6, 5)


def test_a_doubtful_layout_is_asked_for(tmp_path):
    options = save(tmp_path / "own.npz", x=np.zeros((30, 3, 8, 8), np.uint8), y=LABELS)
    with pytest.raises(InfoflowError, match="array x is of shape 30 x 3 x 8 x 8: .* Set layout: NCHW or"):
        load_images(options, tmp_path, 0)


def test_floats_of_a_range_are_scaled(tmp_path):
    x = RNG.uniform(-2, 3, (30, 4))
    x[0] = -2, 3, 0.5, 0
    options = save(tmp_path / "own.npz", x=x, y=LABELS)
    with pytest.raises(
        InfoflowError, match=r"array x, float64, has values from -2 to 3, beyond \[0, 1\], .*; set range: \[-2, 3\]"
    ):
        load_images(options, tmp_path, 0)
    images = load_images(options | {"range": [-2, 3]}, tmp_path, 0)
    found = np.concatenate([images.train_images, images.test_images])
    assert found.dtype == np.float32
    assert np.allclose(np.sort(found, axis=0), np.sort((x + 2) / 5, axis=0))
    with pytest.raises(InfoflowError, match=r"beyond \[-1, 3\], the range that the config says"):
        load_images(options | {"range": [-1, 3]}, tmp_path, 0)
    counted = save(tmp_path / "own.npz", x=np.arange(120).reshape(30, 4), y=LABELS)
    with pytest.raises(InfoflowError, match=r"int64, has values from 0 to 119, .*set range: \[0, 119\]"):
        load_images(counted, tmp_path, 0)


def test_standardised_features_are_those_of_the_training_set(tmp_path):
    x = RNG.normal(5, [1, 100, 0], (30, 3))
    x[:, 2] = 4.0  # constant
    x[0, 0] = 1e4  # far out
    options = save(tmp_path / "own.npz", x=x, y=LABELS) | {"standardise": True}
    images = load_images(options, tmp_path, 0)
    wide = 6 * (images.train_images[:, 1].astype(float) - 0.5)
    assert abs(wide.mean()) < 1e-5
    assert abs(wide.std() - 1) < 1e-5
    assert (images.train_images[:, 2] == 0.5).all()
    assert max(images.train_images.max(), images.test_images.max()) == 1


def test_labels_are_columns_numbers_or_text(tmp_path):
    classes = (LABELS == 7).astype(int)
    for y, names in (
        (np.eye(2)[classes], ("0", "1")),
        (LABELS.astype(float), ("3", "7")),
        (np.where(classes, "ü", "a"), ("a", "ü")),
        (np.where(classes, b"x", b"a"), ("a", "x")),
    ):
        images = load_images(save(tmp_path / "own.npz", x=BYTES, y=y), tmp_path, 0)
        assert images.class_names == names
        assert np.array_equal(images.test_labels, classes[images.test_images[:, 0, 0]])
    text = save(tmp_path / "own.h5", x=BYTES, y=np.where(classes, "ü", "a"))
    assert load_images(text, tmp_path, 0).class_names == ("a", "ü")


def test_there_may_be_no_labels(tmp_path):
    images = load_images(save(tmp_path / "own.npz", x=BYTES) | {"labels": None}, tmp_path, 0)
    assert images.train_labels is None
    assert images.class_names is None
    assert len(images.train_images) == 20


@pytest.mark.parametrize(
    ("arrays", "more", "message"),
    [
        (
            {"x": BYTES, "y": RNG.random(30)},
            {},
            r"array y has 30 values like 0\.\d+: these are no classes, and what a reg",
        ),
        ({"x": BYTES, "y": np.arange(30)}, {}, "array y has 30 different values for 30 samples: these are no classes"),
        (
            {"x": BYTES, "y": LABELS[:29]},
            {},
            r"array y is of shape 29, int64, but array x of shape 30 x 6 x 5, uint8: one",
        ),
        (
            {"x": BYTES, "y": np.ones((30, 4))},
            {},
            "array y is of shape 30 x 4, float64, but expected is a class per sam",
        ),
        ({"x": np.zeros(30), "y": LABELS}, {}, "array x is of shape 30, float64, but expected are N x features"),
        ({"x": BYTES.astype(str), "y": LABELS}, {}, "array x is of .*<U.*, but images are numbers"),
        ({"x": BYTES, "y": LABELS}, {"labels": "z"}, "it has no array z, but x, y; correct labels"),
        ({"x": BYTES, "y": LABELS}, {"images": "z"}, "it has no array z, but x; correct images"),
        ({"a": BYTES, "b": LABELS}, {}, "which array are the labels. It has a, b; set labels to the name of one, or l"),
        ({"x": BYTES, "data": BYTES, "y": LABELS}, {}, "which array are the images. It has x, data; set images to"),
        (
            {"x": BYTES, "y": LABELS},
            {"train_samples": 21},
            r"are 21 \+ 10, but array x has only 30 samples; choose few",
        ),
        ({"x": np.full((30, 4), np.nan), "y": LABELS}, {}, r"array x has \d+ values that are NaN or infinite; fill or"),
        ({"x_train": BYTES, "x_test": BYTES[:, 1:], "y_train": LABELS, "y_test": LABELS}, {}, "not of one shape"),
    ],
    ids=range(13),
)
@pytest.mark.parametrize("ending", [".npz", ".h5"])
def test_what_is_no_data_set_is_told_in_one_line_with_its_array_and_shape(tmp_path, ending, arrays, more, message):
    options = save(tmp_path / f"own{ending}", **arrays) | more
    if ending == ".h5" and any(a.dtype.kind == "U" for a in arrays.values()):
        pytest.skip("text of one length is text of any length in HDF5")
    message = message.replace("x, data", "data, x") if ending == ".h5" else message  # in the order of the alphabet
    with pytest.raises(InfoflowError, match=message) as refused:
        load_images(options, tmp_path, 0)
    assert "\n" not in str(refused.value)
    assert f"own{ending}" in str(refused.value)


@pytest.mark.parametrize("ending", [".npz", ".npy", ".h5", ".pkl", ".mat"])
def test_files_that_are_something_else_are_refused_by_name(tmp_path, ending):
    options = OWN | {"path": f"own{ending}", "labels": None}
    with pytest.raises(InfoflowError, match=f"own{ending}: "):
        load_images(options, tmp_path, 0)
    for contents in (b"", b"text", pickle.dumps(BYTES), b"PK\x03\x04" + bytes(100), b"\x93NUMPY\x01\x00"):
        (tmp_path / f"own{ending}").write_bytes(contents)
        with pytest.raises(InfoflowError, match=f"own{ending}: (array|it|kind)") as refused:
            load_images(options, tmp_path, 0)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", ["<f2", ">f4", "longdouble", "bool", "F"])
@pytest.mark.parametrize("ending", [".npz", ".h5"])
def test_numbers_of_all_kinds_are_read(tmp_path, ending, kind):
    """The library of NetCDF ends the process at some of them in HDF5."""
    x = BYTES / 255
    x = np.asfortranarray(x) if kind == "F" else x > 0.5 if kind == "bool" else x.astype(kind)
    if ending == ".npz":
        np.savez(tmp_path / "own.npz", x=x, y=LABELS.astype(">i8"))
    else:
        with h5py.File(tmp_path / "own.h5", "w") as file:
            file.create_dataset("x", data=x, compression="lzf")
            file["y"] = LABELS.astype(">i8")
    found = load_images(OWN | {"path": f"own{ending}"}, tmp_path, 0)
    assert found.train_images.shape == (20, 6, 5)
    assert found.class_names == ("3", "7")
    assert found.train_images.sum() > 0


def test_links_within_a_file_of_hdf5_are_no_maze(tmp_path):
    with h5py.File(tmp_path / "own.h5", "w") as file:
        group = file.create_group("data")
        group["pixels"], group["classes"] = BYTES, [f"class {k}" for k in LABELS]
        group["up"] = file["/"]
        file["x"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/x")
    paths = {"images": "data/pixels", "labels": "/data/classes"}
    found = load_images(OWN | {"path": "own.h5"} | paths, tmp_path, 0)
    assert found.class_names == ("class 3", "class 7")
    with pytest.raises(InfoflowError, match="it has no array x, but data/pixels; correct images"):
        load_images(OWN | {"path": "own.h5"} | paths | {"images": "x"}, tmp_path, 0)


def test_files_under_the_name_of_another_kind_are_refused(tmp_path):
    np.save(tmp_path / "one.npy", BYTES)
    np.savez(tmp_path / "some.npz", x=BYTES, y=LABELS)
    (tmp_path / "one.npy").rename(tmp_path / "own.npz")
    (tmp_path / "some.npz").rename(tmp_path / "own.npy")
    (tmp_path / "own.h5").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    for name, message in {
        "own.npz": "it cannot be read .not a file .npz, which is a ZIP archive of arrays.; save it again",
        "own.npy": "it cannot be read .it holds several arrays; call it .npz.; save it again",
        "own.h5": "a pointer of git LFS and not the file itself; fetch that, git lfs pull",
    }.items():
        with pytest.raises(InfoflowError, match=f"{name}: {message}"):
            load_images(OWN | {"path": name, "labels": None}, tmp_path, 0)


def test_labels_beyond_all_whole_numbers_stay_different(tmp_path):
    options = save(tmp_path / "own.npz", x=BYTES, y=LABELS * 1e300)
    assert load_images(options, tmp_path, 0).class_names == ("3e+300", "7e+300")


def test_nothing_is_unpickled(tmp_path):
    trap = np.array([RunsCode()], object)
    np.savez(tmp_path / "own.npz", x=trap, y=LABELS)
    np.save(tmp_path / "own.npy", trap)
    for name, more in (("own.npz", {}), ("own.npy", {"labels": None})):
        with pytest.raises(
            InfoflowError, match=r"holds Python objects, .* so it is not read; save it as an array of num"
        ):
            load_images(OWN | {"path": name} | more, tmp_path, 0)


class RunsCode:
    def __reduce__(self):
        return pytest.fail, ("it was unpickled",)
