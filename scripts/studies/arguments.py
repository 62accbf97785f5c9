"""What a call of a study gives: seeds, settings, those of one model alone; checked, and in words."""

import numpy as np

from scripts.files.errors import UserError

AXIS = (tuple, list, range)  # what gives a setting several values


def plain(value):
    """A NumPy number or array as Python's, which JSON can hold; anything else as it is."""
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value


def seed_list(seeds):
    """The seeds that are meant: their number (0, 1, …), or themselves.

    Parameters
    ----------
    seeds : int or sequence of int

    Returns
    -------
    list of int

    Raises
    ------
    UserError
        There is none, one is there twice, or one is no whole number from 0 on.
    """
    seeds = plain(seeds)
    expected = "expected how many seeds, such as 3, or which, such as (0, 1, 2)"
    listed = list(range(seeds)) if isinstance(seeds, int) else seeds
    if isinstance(seeds, (bool, str)) or not np.iterable(listed):
        raise UserError(f"seeds={seeds!r}: {expected}")
    listed = [plain(seed) for seed in listed]
    if not listed:
        raise UserError(f"seeds={seeds!r} is no seed: {expected}")
    for seed in listed:
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise UserError(
                f"seeds={seeds!r} holds {seed!r}, which is no whole number, 0 or more: {expected}"
            )
        if listed.count(seed) > 1:
            raise UserError(f"seeds={seeds!r} holds {seed} more than once: name each seed once")
    return listed


def settings_of_models(of_model, models):
    """Settings of one model alone, as JSON can hold them; UserError where they make no sense."""
    if of_model is None:
        return {}
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
    return {model: {key: plain(value) for key, value in own.items()} for model, own in of_model.items()}


def refuse_given_twice(of_model, shared):
    """Raise UserError where a model has a value of its own for a setting of all runs."""
    for model, own in of_model.items():
        for key in shared:
            if key in own:
                raise UserError(
                    f"{key}={shared[key]!r} is for all runs, and of_model gives the {model} "
                    f"{own[key]!r}: leave one of them out"
                )
