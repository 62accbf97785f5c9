"""Train the runs that a study needs, and write what it found."""

import platform

import numpy as np

from scripts.files.data import describe_data
from scripts.files.errors import UserError
from scripts.files.paths import FORMAT_VERSION
from scripts.files.storage import write_json
from scripts.files.studies import study_path
from scripts.studies.parallel import train_variants


def train_seeds(plan, seeds, *, overwrite=False, progress=True, **settings):
    """Train each variant once a seed, side by side; what is trained already is left as it is.

    Parameters
    ----------
    plan : list of (str, str, dict)
        Model, name of the variant and its settings; a run is called ``study-<model>-<name>-s<seed>``.
    seeds : list of int
    overwrite : bool
        Begin anew where a run with other settings or data has that name.
    progress : bool
        Show a progress bar.
    **settings
        Of all runs.

    Returns
    -------
    list of list of str
        The run ids of each variant.

    Raises
    ------
    UserError
        See :func:`scripts.studies.parallel.train`; or a run failed, which is said when all the others are trained.
    """
    run_ids, failed = train_variants(
        plan,
        seeds,
        settings=settings,
        overwrite=overwrite,
        progress=progress,
        remedy="begin the study anew with overwrite=True",
    )
    if failed:
        raise UserError(
            f"runs failed that this study needs ({', '.join(failed)}): see above why, then call it again; "
            "what is trained is kept"
        )
    return run_ids


def save_study(name, manifest, runs, **content):
    """Write a study with its provenance and return it.

    Parameters
    ----------
    name : str
    manifest : dict
        Of the dataset.
    runs : list of scripts.files.runs.Run
        What was trained for it.
    **content
        What was measured.
    """
    seconds = sum(t["seconds"] + t["gradients_seconds"] for run in runs for t in run.timings)
    study = {
        "format_version": FORMAT_VERSION,
        "study": name,
        "dataset": describe_data(manifest),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "seconds": round(seconds, 1),
        **content,
    }
    write_json(study_path(name), study)
    return study
