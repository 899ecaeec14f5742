"""What one probe is reduced to, beside its curves: those are in test_divergence and test_merge_cube."""

import numpy as np
import pytest

from infoflow.errors import InfoflowError
from infoflow.files.results import Result, read_result, write_result
from infoflow.jobs.record import describe_job
from infoflow.studies.trainability.about import PROBED
from infoflow.studies.trainability.evaluate_kl import evaluate_kl, evaluate_probe
from infoflow.studies.trainability.variables import PICTURES
from jobs import make_job

REPLICAS, LAYERS, SAMPLES, PIXELS = 2, 3, 5, 12


@pytest.fixture
def probe() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "reconstructions": rng.normal(0.5, 1, (REPLICAS, LAYERS, SAMPLES, PIXELS)).astype(np.float32),
        "evaluation_images": rng.random((SAMPLES, PIXELS)).astype(np.float32),
        "losses": rng.random((REPLICAS, LAYERS, 20)),
        "pre_activation_moments": rng.random((REPLICAS, LAYERS, SAMPLES)),
        "channels": rng.normal(0, 1, (REPLICAS, 4, 2, PIXELS)).astype(np.float32),
    }


def evaluate(probe, pictures=0):
    return evaluate_probe(Result(probe, {}), 1e-12, 0.005, pictures)


def test_the_first_image_is_kept_whole_and_its_variance_recorded(probe):
    found = evaluate(probe)
    dimensions, image, about = found["first_image"]
    assert (dimensions, about["units"]) == (("pixel",), "1")
    assert np.array_equal(image, probe["evaluation_images"][0])
    assert np.array_equal(found["pre_activation_variance"][1], probe["pre_activation_moments"][..., 0].astype("f4"))


def test_pictures_are_kept_if_they_are_asked_for(probe):
    assert not set(PICTURES) & set(evaluate(probe))
    found = evaluate(probe, pictures=3)
    assert found["pictures"][1].shape == (REPLICAS, LAYERS, 3, PIXELS)
    assert found["inputs"][1].shape == (3, PIXELS)
    del probe["channels"]
    assert "channel_pictures" not in evaluate(probe, pictures=3)


def test_pictures_of_channels_have_their_contrast_stretched(probe):
    """From the 1 % to the 99 % quantile of every picture; what lies beyond is cut."""
    probe["channels"] = np.random.default_rng(1).normal(0.2, 0.01, (REPLICAS, 4, 2, 400)).astype(np.float32)
    probe["channels"][1, 0] = 0.7
    probe["channels"][1, 1] = np.nan
    dimensions, pictures, about = evaluate(probe, pictures=1)["channel_pictures"]
    assert dimensions == ("replica", "channel", "channel_sample", "pixel")
    assert pictures.dtype == np.int8
    low, high = np.quantile(probe["channels"][0], [0.01, 0.99], axis=-1, keepdims=True)
    # half a level
    expected = ((probe["channels"][0] - low) / (high - low)).clip(0, 1)
    np.testing.assert_allclose(pictures[0] * about["scale_factor"], expected, atol=0.5 / 127 + 1e-5)
    assert (pictures[0].min(-1) == 0).all()
    assert (pictures[0].max(-1) == 127).all()
    # without contrast, or not finite
    assert (pictures[1, :2] == 0).all()


def test_the_result_keeps_what_the_probe_recorded(probe, tmp_path):
    """Of a probe that was made with the parameters that are asked for; else it is refused."""
    dimensions = {"losses": "rln", "pre_activation_moments": "rls", "evaluation_images": "sp", "channels": "rckp"}
    variables = {name: (tuple(dimensions.get(name, "rlsp")), values, PROBED[name]) for name, values in probe.items()}
    of_probe = {"probe": {"method": "adam"}, "code": "abc"}
    recorded = {"probe_method": "adam", "layer_widths": [7] * LAYERS, "probe_seconds": 2.0, "cost": "{}"}
    write_result(tmp_path / "a.nc", variables, {**describe_job("probe_cascade", of_probe), **recorded})
    options = {"offset": 1e-12, "saturation_rtol": 0.005, "pictures": 2}
    parameters = {"options": options, "probe": of_probe, "code": "def"}
    evaluate_kl(make_job(parameters, tmp_path / "b.nc", {"probe": tmp_path / "a.nc"}, rule="evaluate_kl"))
    found = read_result(tmp_path / "b.nc", parameters)
    for name, (_, values, _) in evaluate(probe, pictures=2).items():
        np.testing.assert_array_equal(found[name], values)
    assert (found.attributes["probe_method"], found.attributes["probe_seconds"]) == ("adam", 2.0)
    assert found.attributes["rule"] == "evaluate_kl"
    other = parameters | {"probe": of_probe | {"code": "abd"}}
    with pytest.raises(InfoflowError, match=r"a\.nc: made with code = abc, not abd; delete it and run again"):
        evaluate_kl(make_job(other, tmp_path / "c.nc", {"probe": tmp_path / "a.nc"}))
    assert not (tmp_path / "c.nc").exists()
