"""Shared by the studies: checks of seeds, runs and settings of one model alone; an estimate of the time."""

import itertools
import time
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from scripts.files.data import load_data, name_dataset
from scripts.files.errors import UserError
from scripts.files.numbers import counted
from scripts.files.paths import check_run_id
from scripts.files.runs import NAMES, best_epoch, load_run
from scripts.files.studies import save_study
from scripts.training.settings import with_defaults

MOST_SEEDS = 10_000
MOMENTS = {"initialisation": "before training", "best": "selected epoch"}  # at which runs are measured
AXIS = (tuple, list, range)  # types that give a setting several values


def plain(value):
    """Return a NumPy number or array as Python's, which JSON can hold; anything else as it is."""
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value


def refuse_repeated(given, listed, what):
    """Raise UserError if a list holds something twice; `given` is the list in the words of the message."""
    for one in listed:
        if listed.count(one) > 1:
            raise UserError(f"{given} holds {one!r} more than once: name each {what} once")


def seed_list(seeds):
    """Return a list of seeds from how many (0, 1, …) or which; UserError if they make no sense."""
    seeds = plain(seeds)
    given, expected = f"seeds={seeds!r}", "expected how many seeds, such as 3, or which, such as (0, 1, 2)"
    listed = range(seeds) if isinstance(seeds, int) else seeds
    if isinstance(seeds, (bool, str, bytes, dict)) or not np.iterable(listed):
        raise UserError(f"{given}: {expected}")
    listed = [plain(seed) for seed in itertools.islice(listed, MOST_SEEDS + 1)]
    if not 1 <= len(listed) <= MOST_SEEDS:
        fault = f"are more than {MOST_SEEDS:,}" if listed else "is no seed"
        raise UserError(f"{given} {fault}: {expected}")
    for seed in listed:
        if type(seed) is not int or seed < 0:
            raise UserError(f"{given} holds {seed!r}, not a whole number, 0 or more: {expected}")
    refuse_repeated(given, listed, "seed")
    return listed


def run_id_list(run_ids):
    """Return a list of run ids from one or several; UserError if there is none, or one more than once."""
    listed = [run_ids] if isinstance(run_ids, str) else list(run_ids) if np.iterable(run_ids) else []
    refuse_repeated(repr(run_ids), listed, "run")
    if not listed:
        raise UserError(f"{run_ids!r} names no run: give a run id, or several as ('a-run', 'another')")
    return listed


def begin_study(kind, name, run_ids, show, apart=None):
    """Begin a study that trains no run: load those that it measures, and check that they belong together.

    Parameters
    ----------
    kind, name, show
        See :func:`scripts.files.studies.save_study`; the name is checked before anything else.
    run_ids : str or sequence of str
        The runs of one model have to be of one dataset and to differ only in their seeds.
    apart : str, optional
        A setting in which they may differ as well: each of its values counts as another model.

    Returns
    -------
    data : scripts.files.data.Data
    models : list of dict
        Of each model ``model``, ``hidden_size``, and by seed ``runs`` (run ids) and ``best_epoch``; with
        `apart`, that setting as well. The study adds what it measures.
    save : callable
        Saves the study with the keyword arguments as its content, and returns it.
    """
    started = time.perf_counter()
    check_run_id(name, "name")
    runs = [load_run(run_id) for run_id in run_id_list(run_ids)]
    models = [_describe(seeds, apart) for seeds in seeds_by_model(runs, apart)]
    dataset = runs[0].settings["dataset"]
    save = partial(save_study, kind, name, dataset, [], show, started)
    return load_data(dataset.get("data")), models, save


def seeds_by_model(runs, apart=None):
    """Return lists of runs, one per model and value of `apart`; UserError if they don't belong together."""
    first, groups = runs[0].settings, {}
    for run in runs:
        if run.settings["dataset"]["checksum"] != first["dataset"]["checksum"]:
            named = [f"{one['run_id']!r} on {name_dataset(one['dataset'])}" for one in (first, run.settings)]
            raise UserError(f"runs were trained on several datasets, {' and '.join(named)}: give runs of one")
        value = with_defaults(run.settings["hyperparameters"]).get(apart, "")
        groups.setdefault((value, list(NAMES).index(run.settings["model"])), []).append(run)
    by_model = [groups[key] for key in sorted(groups)]
    for seeds in by_model:
        _check_one_recipe([run.settings for run in seeds])
    return by_model


def _check_one_recipe(runs):
    first, by_seed = with_defaults(runs[0]["hyperparameters"]), {}
    for run in runs:
        run_id, settings = run["run_id"], with_defaults(run["hyperparameters"])
        seed = settings["seed"]
        if settings | {"seed": first["seed"]} != first:
            fault = f"runs {runs[0]['run_id']!r} and {run_id!r} differ in more settings than their seeds"
            raise UserError(f"{fault}: give runs of one recipe")
        if (other := by_seed.setdefault(seed, run_id)) != run_id:
            raise UserError(f"runs {other!r} and {run_id!r} have one seed, {seed}: give each seed once")


def _describe(runs, apart):
    settings = with_defaults(runs[0].settings["hyperparameters"])
    return {
        "model": runs[0].settings["model"],
        "hidden_size": settings["hidden_size"],
        "runs": [run.settings["run_id"] for run in runs],
        "best_epoch": [best_epoch(run.history)["epoch"] for run in runs],
    } | ({apart: settings[apart]} if apart else {})


def announce(models, part, count):
    """Print about how long a study of `models`, as :func:`begin_study` returns them, will take.

    ``part(run_id)`` returns a function without arguments that does a part of the work on that run. It is
    timed on the first run of each model; each run takes `count` times as long.
    """
    seconds, runs = 0, 0
    for model in models:
        call = part(model["runs"][0])
        started = time.perf_counter()
        with threadpool_limits(1):
            call()
        seconds += (time.perf_counter() - started) * count * len(model["runs"])
        runs += len(model["runs"])
    print(f"{counted(runs, 'run')}: about {max(1, round(seconds))} s")


def settings_of_models(of_model, models, shared):
    """Return settings of one model alone, as JSON can hold them; UserError if they make no sense.

    None of them may also be in `shared`, the settings of all runs.
    """
    of_model = {} if of_model is None else of_model
    if not isinstance(of_model, dict) or not all(isinstance(own, dict) for own in of_model.values()):
        expected = "expected settings by model, such as {'rnn': {'lr': 0.001}}"
        raise UserError(f"of_model={of_model!r}: {expected}")
    for model, own in of_model.items():
        if model not in models:
            raise UserError(f"of_model names {model!r}: expected one of the models compared, {models}")
        for key, value in own.items():
            if isinstance(value, AXIS):
                raise UserError(f"of_model={{{model!r}: {{{key!r}: {value!r}}}}}: give it one value")
            if key in shared:
                fault = f"{key}={shared[key]!r} is for all runs, and of_model gives the {model} {value!r}"
                raise UserError(f"{fault}: leave one of them out")
    return {model: {key: plain(value) for key, value in own.items()} for model, own in of_model.items()}


def refuse_varied(settings, *varied):
    """Raise UserError if `settings` names one that the study itself varies, or the seed."""
    for name in (*varied, "seed"):
        if name in settings:
            instead = "give seeds=, how many or which" if name == "seed" else "leave it out"
            raise UserError(f"{name}={settings[name]!r}: this study varies {name} itself: {instead}")
