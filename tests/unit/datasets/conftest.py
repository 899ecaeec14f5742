import pytest


@pytest.fixture
def offline(monkeypatch):
    """Nothing can be downloaded."""

    def no_network(self):
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")

    def no_connection(*_, **__):
        raise OSError("no connection")

    monkeypatch.setattr("torchvision.datasets.MNIST.download", no_network)
    monkeypatch.setattr("urllib.request.urlopen", no_connection)
