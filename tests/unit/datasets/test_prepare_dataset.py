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
