import pytest
import torch


@pytest.fixture(scope="module")
def images():
    # 40 images in batches of 16: the last batch is a smaller one
    return torch.rand(40, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
