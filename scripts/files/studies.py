"""Studies on disk: ``assets/studies/<kind>/<name>.json``; the name of a study of one run is the run id.

scripts/studies/ writes them; scripts/figures/ and scripts/report/ read them. The names of the runs that a
study trains, and of its figures, begin with ``<kind>-<name>``, so that no study replaces those of another.
"""

import platform
import re
import time

import numpy as np

from scripts.files.blocks import CALLS, remedy_of_study
from scripts.files.errors import UserError, results_kept
from scripts.files.paths import assets_path, check_run_id, check_version
from scripts.files.storage import read_json, write_json

STUDY_VERSION = 5  # of every study; since 5, differences between variants are Welch's


def study_path(kind, name):
    """Return the path of the JSON of a study."""
    return assets_path("studies", kind) / f"{check_run_id(name, 'name')}.json"


def study_names(kind):
    """List the names of the studies of one kind, in alphabetical order."""
    return sorted(path.stem for path in assets_path("studies", kind).glob("[!.]*.json"))


def is_of_study(run_id):
    """Return whether a study trained the run with this id."""
    return re.fullmatch(rf"({'|'.join(CALLS)})-.+-s\d+", run_id) is not None


def save_study(kind, name, dataset, runs, show, started=None, **content):
    """Print the result of a study, write it with its provenance, and return it, even if it can't be written.

    `dataset` is described as in a log, `content` was measured, and `show` writes a study as text. ``seconds``
    is the total time of `runs`, those trained for it, or the time since `started`, by ``time.perf_counter``.
    """
    seconds = sum(t["seconds"] + t["gradients_seconds"] for run in runs for t in run.timings)
    study = {
        "format_version": STUDY_VERSION,
        "kind": kind,
        "study": name,
        "dataset": dataset,
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "seconds": round(time.perf_counter() - started if started else seconds, 1),
        **content,
    }
    print(show(study))
    if test := dataset.get("test_dataset"):
        print(f"trained on {dataset['name']}, tested on {test}")
    with results_kept():
        write_json(study_path(kind, name), study)
    return study


def read_study(kind, name):
    """Read the JSON of a study, a dict; UserError if it is missing, damaged or of another format."""
    path, remedy = study_path(kind, name), remedy_of_study(kind, name)
    if not path.is_file():
        raise UserError(f"there is no study {name!r} of kind {kind} ({path} is missing): {remedy}")
    study = read_json(path)
    check_version(path, study, remedy, STUDY_VERSION)
    return study
