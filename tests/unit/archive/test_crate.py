"""What an archive says of itself, to people and to machines."""

import json
import zipfile
from datetime import UTC, datetime

import pytest
import requests
from rocrate.rocrate import ROCrate
from rocrate_validator import services
from rocrate_validator.models import Severity, ValidationSettings
from rocrate_validator.utils.http import HttpRequester

from archived import SOFTWARE, metadata, planned, read
from infoflow.archive.crate import METADATA, write_readme


def test_the_run_is_described(run):
    run.write()
    entities = metadata(run.archive)
    action = entities["#run"]
    assert action["instrument"] == entities["./"]["mainEntity"] == {"@id": "source/workflow/Snakefile"}
    assert {e["@id"] for e in action["object"]} == {"config.json", "#data-digits"}
    assert {e["@id"] for e in action["result"]} == {
        "cubes/digits.nc",
        "figures/digits/cost.png",
        "figures/digits/cost.pdf",
        "figures/digits/cost.json",
    }
    assert action["startTime"] == "2023-11-14T22:13:20+00:00"
    assert action["endTime"] == "2023-11-14T22:14:30+00:00"
    assert json.loads(read(run.archive, METADATA))["@context"][0] == "https://w3id.org/ro/crate/1.1/context"


# The terms of the context of RO-Crate 1.1 that a crate of ours may use; the validator refuses all others. The context
# itself is on the network, which tests do not use.
TERMS = {
    **{
        term: f"http://schema.org/{term}"
        for term in (
            *("CreateAction", "CreativeWork", "ComputerLanguage", "Dataset", "SoftwareSourceCode", "about"),
            *("actionStatus", "contentSize", "datePublished", "description", "encodingFormat", "endTime", "hasPart"),
            *("identifier", "instrument", "license", "mainEntity", "mentions", "name", "object", "programmingLanguage"),
            *("result", "startTime", "url", "version"),
        )
    },
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "File": "http://schema.org/MediaObject",
    "conformsTo": "http://purl.org/dc/terms/conformsTo",
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_crate_is_a_workflow_run_crate(run, tmp_path, monkeypatch):
    def get(requester, url, **options):
        assert url == "https://w3id.org/ro/crate/1.1/context"
        response = requests.Response()
        response.status_code, response.headers["Content-Type"] = 200, "application/ld+json"
        response._content = json.dumps({"@context": TERMS}).encode()
        return response

    monkeypatch.setattr(HttpRequester, "get", get, raising=False)
    unpacked = tmp_path / "crate"
    with zipfile.ZipFile(run.write()) as archive:
        archive.extractall(unpacked)
    settings = ValidationSettings(
        rocrate_uri=str(unpacked),
        profile_identifier="workflow-run-crate",
        requirement_severity=Severity.REQUIRED,
        offline=True,
        cache_path=tmp_path / "cache",
    )
    issues = services.validate(settings).get_issues()
    assert [f"{issue.check.identifier}: {issue.message}" for issue in issues] == []
    assert ROCrate(unpacked).mainEntity.id == "source/workflow/Snakefile"


def test_every_member_is_told_in_words(run):
    entities = metadata(run.write())
    assert entities["cubes/digits.nc"]["name"] == "cube digits"
    assert entities["figures/digits/cost.pdf"]["name"] == "figure cost of experiment digits, pdf"
    assert entities["config.json"]["name"] == "config with all defaults"
    assert entities["source/Makefile"]["encodingFormat"] == "text/plain"
    assert entities["cubes/digits.nc"]["encodingFormat"] == "application/x-netcdf"


def test_a_readme_names_the_run_its_data_and_their_licences():
    config = planned(run__name="two\u2009lines").config
    data = {
        "own": {"what": "pictures of mine", "address": None, "licence": "mine"},
        "digits": {"what": "digits", "address": "https://there", "licence": "https://licence"},
    }
    versions = {"archive": SOFTWARE, "source_sha256": "0123"}
    readme = write_readme(config, data, datetime(2024, 5, 6, 7, 8, tzinfo=UTC), versions)
    assert readme.startswith("# two lines\n\nA run of infoflow that ended on 2024-05-06 07:08 UTC")
    assert "git commit abc, SHA-256 0123" in readme
    assert "- `own`: pictures of mine. Licence: mine." in readme
    assert "- `digits`: digits, https://there. Licence: https://licence." in readme
    assert "--configfile ../config.json" in readme
