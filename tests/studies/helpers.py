"""Helpers of the tests of studies."""

import json

import numpy as np

from scripts.files.data import describe_data, load_data
from scripts.files.studies import STUDY_VERSION, study_path


def written(kind, name="default"):
    """Return a study as its file holds it."""
    return json.loads(study_path(kind, name).read_text(encoding="utf-8"))


def assert_provenance(study):
    """Assert that a study says of what data it is, and with what it was made."""
    assert study["format_version"] == STUDY_VERSION
    assert study["dataset"] == describe_data(load_data().manifest)
    assert study["versions"]["numpy"] == np.__version__
    assert study["seconds"] > 0
