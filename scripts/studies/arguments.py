"""Arguments that studies share: seeds, runs, and settings of one model alone; each is checked."""

import itertools

import numpy as np

from scripts.files.data import load_data, name_dataset
from scripts.files.errors import UserError
from scripts.files.paths import check_run_id
from scripts.files.runs import NAMES, best_epoch, load_run
from scripts.training.settings import with_defaults

MOST_SEEDS = 10_000
MOMENTS = {
    "initialisation": "before training",
    "best": "selected epoch",
}  # at which trained runs are measured
AXIS = (tuple, list, range)  # types that give a setting several values


def plain(value):
    """Return a NumPy number or array as Python's, which JSON can hold; anything else as it is."""
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value


def seed_list(seeds):
    """Return a list of seeds from how many (0, 1, …) or which; UserError where that makes no sense."""
    seeds = plain(seeds)
    expected = "expected how many seeds, such as 3, or which, such as (0, 1, 2)"
    listed = range(seeds) if isinstance(seeds, int) else seeds
    if isinstance(seeds, (bool, str, bytes, dict)) or not np.iterable(listed):
        raise UserError(f"seeds={seeds!r}: {expected}")
    listed = [plain(seed) for seed in itertools.islice(listed, MOST_SEEDS + 1)]
    if len(listed) > MOST_SEEDS:
        raise UserError(f"seeds={seeds!r} are more than {MOST_SEEDS:,}: {expected}")
    if not listed:
        raise UserError(f"seeds={seeds!r} is no seed: {expected}")
    for seed in listed:
        if type(seed) is not int or seed < 0:
            raise UserError(f"seeds={seeds!r} holds {seed!r}, not a whole number, 0 or more: {expected}")
        if listed.count(seed) > 1:
            raise UserError(f"seeds={seeds!r} holds {seed} more than once: name each seed once")
    return listed


def run_id_list(run_ids, what="run"):
    """Return a list of run ids from one or several; UserError where there is none, or one more than once."""
    listed = [run_ids] if isinstance(run_ids, str) else list(run_ids) if np.iterable(run_ids) else []
    for run_id in listed:
        if listed.count(run_id) > 1:
            raise UserError(f"{run_ids!r} holds {run_id!r} more than once: name each {what} once")
    if not listed:
        raise UserError(f"{run_ids!r} names no {what}: give a run id, or several as ('a-run', 'another')")
    return listed


def seeds_by_model(runs, study, apart=None):
    """Return lists of runs, one per model; UserError where they differ in more than model and seed.

    They may also differ in the setting `apart`: then there is one list for each of its values.
    """
    first, groups = runs[0].settings, {}
    for run in runs:
        if run.settings["dataset"]["checksum"] != first["dataset"]["checksum"]:
            named = [f"{one['run_id']!r} on {name_dataset(one['dataset'])}" for one in (first, run.settings)]
            raise UserError(f"runs were trained on several datasets, {' and '.join(named)}: give runs of one")
        value = with_defaults(run.settings["hyperparameters"]).get(apart, "")
        groups.setdefault((value, list(NAMES).index(run.settings["model"])), []).append(run)
    by_model = [groups[key] for key in sorted(groups)]
    for seeds in by_model:
        _check_one_recipe([run.settings for run in seeds], study)
    return by_model


def _check_one_recipe(runs, study):
    first, by_seed = with_defaults(runs[0]["hyperparameters"]), {}
    for run in runs:
        run_id, settings = run["run_id"], with_defaults(run["hyperparameters"])
        seed = settings["seed"]
        if settings | {"seed": first["seed"]} != first:
            raise UserError(
                f"runs {runs[0]['run_id']!r} and {run_id!r} have other settings, expected the same but for "
                f"the seed: give {study} seeds of one recipe"
            )
        if (other := by_seed.setdefault(seed, run_id)) != run_id:
            raise UserError(f"runs {other!r} and {run_id!r} have one seed, {seed}: give each seed once")


def seeds_of_models(run_ids, name, study, apart=None):
    """Return the data of a study's runs, as a file has and a log describes them, and its part per model.

    `name` is that of the study, which is checked first; `apart` as :func:`seeds_by_model` takes it.
    """
    check_run_id(name, "name")
    runs = [load_run(run_id) for run_id in run_id_list(run_ids)]
    models, dataset = seeds_by_model(runs, study, apart), runs[0].settings["dataset"]
    return load_data(dataset.get("data")), dataset, [_describe(seeds, apart) for seeds in models]


def _describe(runs, apart):
    """Return what a study says of the runs of one model."""
    settings = with_defaults(runs[0].settings["hyperparameters"])
    return {
        "model": runs[0].settings["model"],
        "hidden_size": settings["hidden_size"],
        "runs": [run.settings["run_id"] for run in runs],
        "best_epoch": [best_epoch(run.history)["epoch"] for run in runs],
    } | ({apart: settings[apart]} if apart else {})


def settings_of_models(of_model, models, shared):
    """Return settings of one model alone, as JSON can hold them; UserError where they make no sense.

    None of them may also be in `shared`, the settings of all runs.
    """
    of_model = {} if of_model is None else of_model
    if not isinstance(of_model, dict) or not all(isinstance(own, dict) for own in of_model.values()):
        raise UserError(
            f"of_model={of_model!r}: expected settings by model, such as {{'rnn': {{'lr': 0.001}}}}"
        )
    for model, own in of_model.items():
        if model not in models:
            raise UserError(f"of_model names {model!r}: expected one of the models compared, {models}")
        for key, value in own.items():
            if isinstance(value, AXIS):
                raise UserError(f"of_model={{{model!r}: {{{key!r}: {value!r}}}}}: give it one value")
            if key in shared:
                raise UserError(
                    f"{key}={shared[key]!r} is for all runs, and of_model gives the {model} {value!r}: "
                    "leave one of them out"
                )
    return {model: {key: plain(value) for key, value in own.items()} for model, own in of_model.items()}


def refuse_varied(settings, *varied):
    """Raise UserError where a setting is given that the study itself chooses, run by run."""
    for name in (*varied, "seed"):
        if name in settings:
            instead = "give seeds=, how many or which" if name == "seed" else "leave it out"
            raise UserError(f"{name}={settings[name]!r}: this study varies {name} itself: {instead}")
