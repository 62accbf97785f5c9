"""Arguments that studies share: seeds, settings, and settings of one model alone; each is checked here.

No file is read or written.
"""

import itertools

import numpy as np

from scripts.files.errors import UserError

MOST_SEEDS = 10_000
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


def with_epochs(settings, epochs, usual, of_model, models):
    """Return the settings of all runs with their epochs, and the checked settings of one model alone.

    Where no `epochs` are given and `of_model` lacks those of one of the `models`, they are the `usual` ones.
    """
    shared = settings if epochs is None else {**settings, "epochs": epochs}
    of_model = settings_of_models(of_model, models, shared)
    if epochs is None and not all("epochs" in of_model.get(model, {}) for model in models):
        shared = {**settings, "epochs": usual}
    return shared, of_model


def refuse_varied(settings, *varied):
    """Raise UserError where a setting is given that the study itself chooses, run by run."""
    for name in (*varied, "seed"):
        if name in settings:
            instead = "give seeds=, how many or which" if name == "seed" else "leave it out"
            raise UserError(f"{name}={settings[name]!r}: this study varies {name} itself: {instead}")
