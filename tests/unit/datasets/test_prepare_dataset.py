import pytest
import torch

from infoflow.datasets.images import load_images
from infoflow.datasets.prepare_dataset import prepare_dataset
from infoflow.datasets.prepared import read_prepared
from infoflow.errors import InfoflowError
from jobs import make_job


def test_a_prepared_data_set_knows_its_job(tmp_path):
    path, made_by = tmp_path / "a.nc", {"options": {"kind": "digits", "test_samples": 50}, "seed": 3}
    prepare_dataset(make_job(made_by, path, rule="prepare_dataset"))
    read = torch.device("cpu"), torch.float32
    prepared = read_prepared(path, *read, made_by)
    expected = load_images(made_by["options"], tmp_path, 3)
    assert torch.equal(prepared.test_labels, torch.from_numpy(expected.test_labels))
    assert torch.equal(prepared.evaluation_order.sort().values, torch.arange(50))
    with pytest.raises(InfoflowError, match="a.nc: made with seed = 3, not 4; delete it and run again"):
        read_prepared(path, *read, made_by | {"seed": 4})


def test_names_of_classes_are_in_the_prepared_file_and_all_of_them_count(tmp_path):
    (tmp_path / "own.csv").write_text("a,label\n" + "0.5,cat\n0.6,dog\n" * 6 + "0.1,emu\n0.2,emu\n")
    options = {"kind": "table", "path": str(tmp_path / "own.csv"), "train_samples": 8, "test_samples": 5}
    for number in (8, 2):
        made_by = {"options": options | {"train_samples": number}, "seed": 0}
        prepare_dataset(make_job(made_by, tmp_path / "a.nc", rule="prepare_dataset"))
        read = tmp_path / "a.nc", torch.device("cpu"), torch.float32
        prepared = read_prepared(*read)
        assert (prepared.classes, prepared.class_names) == (3, ("cat", "dog", "emu"))
    with pytest.raises(
        InfoflowError, match="a.nc: no image to learn from is of .*; set train_samples .* to at least 3, as many"
    ):
        read_prepared(*read, to_learn=True)
