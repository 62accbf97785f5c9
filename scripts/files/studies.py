"""One study on disk: ``assets/benchmarks/<name>.json``, and the block of main.py that makes it.

scripts/studies/ writes it; scripts/figures/ and scripts/report/ read it.
"""

import platform

import numpy as np

from scripts.files.data import describe_data
from scripts.files.errors import UserError
from scripts.files.paths import assets_path, check_run_id, check_version
from scripts.files.storage import read_json, write_json

STUDY_VERSION = 2  # of every study that save_study writes
BLOCKS = {  # of main.py, by the name of the study that each makes
    "baselines": "baselines()",
    "best": 'compare(seeds=10, name="best", of_model=BEST)',
    "best-wide": 'compare("rnn", name="best-wide", of_model={"rnn": WIDE_RNN})',
    "compare": "compare()",
    "equal-parameters": "equal_parameters()",
    "imdb": 'compare(seeds=3, name="imdb", data="imdb", of_model=BEST_5_EPOCHS)',
    "initialisations": "initialisation_study(of_model=BEST)",
    "memory": "memory_study(…)",
    "probe-even": 'probe_study(of_model=BEST, data="probe-even")',
    "probe-log": 'probe_study(of_model=BEST, data="probe-log")',
    "search": "search()",
}


def study_path(name):
    """Path of the JSON of a study."""
    return assets_path("benchmarks", f"{name}.json")


def save_study(name, data, runs, **content):
    """Write a study with its provenance and return it.

    Parameters
    ----------
    name : str
    data : scripts.files.data.Data
        The dataset that its runs were trained on.
    runs : list of scripts.files.runs.Run
        Runs that were trained for it: ``seconds`` is what they took in all, whenever that was.
    **content
        Measurements.
    """
    study = {
        "format_version": STUDY_VERSION,
        "study": name,
        "dataset": describe_data(data.manifest, data.name),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "seconds": round(sum(t["seconds"] + t["gradients_seconds"] for run in runs for t in run.timings), 1),
        **content,
    }
    write_json(study_path(name), study)
    return study


def read_study(name):
    """Read the JSON of a study, a dict; UserError where it is missing, damaged or of another format."""
    path, remedy = study_path(name), remedy_of(name)
    if not path.is_file():
        raise UserError(f"there is no study {name!r} ({path} is missing): {remedy}")
    study = read_json(path)
    check_version(path, study, remedy, STUDY_VERSION)
    return study


def remedy_of(name):
    """The advice for a study that is missing or damaged."""
    block = BLOCKS.get(name, f'compare(name="{name}")')
    return f"uncomment the block {block} in main.py and run `python main.py`"


def jacobians_path(run_id):
    """Path of the JSON of the Jacobian study of a run."""
    return assets_path("benchmarks", f"jacobians-{check_run_id(run_id)}.json")
