"""One study on disk: ``assets/benchmarks/<name>.json``; read by figures and the results page."""

from scripts.files.errors import UserError
from scripts.files.paths import assets_path, check_version
from scripts.files.storage import read_json

BLOCKS = {  # of main.py, by the name of the study that each makes
    "baselines": "baselines()",
    "best": 'compare(seeds=10, name="best", of_model=BEST)',
    "best-wide": 'compare("rnn", name="best-wide", of_model={"rnn": WIDE_RNN})',
    "compare": "compare()",
    "equal-parameters": "equal_parameters()",
    "imdb": 'compare(seeds=3, name="imdb", of_model=BEST_5_EPOCHS)',
    "initialisations": "initialisation_study(of_model=BEST)",
    "memory": "memory_study(…)",
    "probe-even": "probe_study(of_model=BEST)",
    "probe-log": 'preprocess(dataset="probe", probe_mixture="log"), probe_study(of_model=BEST)',
    "search": "search()",
}


def study_path(name):
    """Path of the JSON of a study."""
    return assets_path("benchmarks", f"{name}.json")


def read_study(name):
    """Read the JSON of a study, a dict; UserError where it is missing, damaged or of another format."""
    path, remedy = study_path(name), remedy_of(name)
    if not path.is_file():
        raise UserError(f"there is no study {name!r} ({path} is missing): {remedy}")
    study = read_json(path)
    check_version(path, study, remedy)
    return study


def remedy_of(name):
    """The advice for a study that is missing or damaged."""
    block = BLOCKS.get(name, f'compare(name="{name}")')
    return f"uncomment the block {block} in main.py and run `python main.py`"
