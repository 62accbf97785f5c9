"""A list of variants: each model with every combination of settings. scripts/studies/variants.py trains them.

main.compare() calls :func:`compare_models`. The caller names the study; this file makes sure that it replaces
no other study, and no comparison of other settings.
"""

import itertools
import re
from dataclasses import asdict

import numpy as np

from scripts.files.errors import UserError
from scripts.files.paths import check_run_id
from scripts.files.runs import NAMES
from scripts.files.storage import read_json, undamaged
from scripts.files.studies import STUDY_VERSION, study_path
from scripts.studies.arguments import AXIS, plain, refuse_varied, settings_of_models
from scripts.studies.variants import Variant, run_variants
from scripts.studies.words import as_given
from scripts.training.settings import LSTM_ALONE, Settings

SEEDS = 5
# names of the JSON and figures of other studies, and of benchmarks
RESERVED = (
    r"((initialisations|equal-parameters|baselines|search|memory|probe|jacobians)(-.*)?"
    r"|\d{4}-\d\d-\d\d(-.*)?)"
)


def compare_models(
    models=("rnn", "lstm"), seeds=SEEDS, name="compare", *, of_model=None, overwrite=False, **options
):
    """Train each model with each combination of settings, over seeds, and give the results intervals.

    Parameters
    ----------
    models : str or sequence of str
        Among ``"rnn"`` and ``"lstm"``.
    seeds, of_model, overwrite
        See :func:`scripts.studies.initialisations.initialisation_study`; nothing in `of_model` is varied.
    name : str
        Name of the comparison: its JSON is ``assets/benchmarks/<name>.json``, its runs are called
        ``study-<model>-<name>-…-s<seed>``.
    **options
        ``scheduler``, ``jobs`` and ``progress`` of :func:`scripts.studies.parallel.train`; all others are
        fields of scripts.training.settings.Settings, each with one value, or with several: then it is varied,
        every value of one with every value of the others. Those of the LSTM alone leave the RNN as it is.

    Returns
    -------
    dict
        See scripts/studies/variants.py.
    """
    models = _model_list(models)
    training = {key: options.pop(key) for key in ("scheduler", "jobs", "progress") if key in options}
    settings = {key: plain(value) for key, value in options.items()}
    refuse_varied(settings)
    of_model = settings_of_models(of_model, models, settings)
    axes = {key: _value_list(key, values) for key, values in settings.items() if isinstance(values, AXIS)}
    shared = {key: value for key, value in settings.items() if key not in axes}
    _check_name(name)
    if not overwrite:
        _check_grid(name, models, shared, axes, of_model)
    return run_variants(
        name,
        "comparison",
        f"{' and '.join(NAMES.get(model, model) for model in models)}: how far back the gradient reaches",
        [variant for model in models for variant in _grid(model, models, name, axes)],
        seeds,
        shared=shared,
        of_model=of_model,
        axes=axes,
        overwrite=overwrite,
        remedy="give another name=, or start again with overwrite=True",
        **training,
    )


def _grid(model, models, name, axes):
    """Return one model with every combination of the values of the axes that it has."""
    foreign = LSTM_ALONE if model != "lstm" and "lstm" in models else ()
    varied = {key: values for key, values in axes.items() if key not in foreign}
    variants = []
    for values in itertools.product(*varied.values()):
        own = dict(zip(varied, values, strict=True))
        in_file_name = "-".join([name, *(f"{key}-{value}" for key, value in own.items())])
        label = ", ".join([NAMES.get(model, model), *(f"{key}={value}" for key, value in own.items())])
        in_file_name = in_file_name.replace("+", "")  # 1e+16 is 1e16
        variants.append(Variant(in_file_name, model, label, own))
    return variants


def _model_list(models):
    listed = models
    if isinstance(models, str):
        listed = [models]
    elif not np.iterable(models):
        listed = []
    listed = list(listed)
    if not listed or not all(isinstance(model, str) for model in listed) or len(set(listed)) < len(listed):
        raise UserError(f"models={models!r}: expected each model once, such as ('rnn', 'lstm')")
    return listed


def _value_list(setting, values):
    values = [plain(value) for value in values]
    repeated = [value for value in values if values.count(value) > 1]
    if not values or repeated:
        found = f"holds {repeated[0]!r} more than once" if repeated else "holds no value"
        raise UserError(f"{setting}={values!r} {found}: give each value that is to be compared once")
    return values


def _check_name(name):
    """Raise UserError where `name` is no file name, or that of another kind of study."""
    check_run_id(name, "name")
    if re.fullmatch(RESERVED, name, re.IGNORECASE):  # some file systems don't tell them apart
        raise UserError(f"name={name!r} is kept for another study or a benchmark: give another name=")
    path = study_path(name)
    if path.exists():
        there = read_json(path)
        # version 1 has no kind
        if not isinstance(there, dict) or (there.get("kind") != "comparison" and not there.get("comparison")):
            raise UserError(f"{path} holds no comparison: give another name=")


def _check_grid(name, models, shared, axes, of_model):
    """Raise UserError where a comparison of that name has other settings, or varies others.

    Seeds, models and epochs may differ: runs are added, or go on.
    """
    path = study_path(name)
    there = read_json(path) if path.exists() else {}
    if there.get("format_version") != STUDY_VERSION:
        return  # no comparison yet, or one of an old format, which is replaced
    with undamaged(path, "damaged", "delete it, and call again"):
        before = there["shared"], there["axes"], there["of_model"]
        trained = {variant["model"] for variant in there["variants"]}
        common = [model for model in models if model in trained] or models
        same = _complete(common, *before) == _complete(common, shared, axes, of_model)
    if not same:
        raise UserError(
            f"{path} compares {_in_words(*before)}, asked for now: {_in_words(shared, axes, of_model)}: give "
            "another name=, or start again with overwrite=True"
        )


def _complete(models, shared, axes, of_model):
    """Return every setting of some models but the epochs, and the axes in order, as both name runs."""
    defaults = asdict(Settings())
    complete = [defaults | shared | of_model.get(model, {}) | {"epochs": None} for model in models]
    return complete, list(axes.items())


def _in_words(shared, axes, of_model):
    given = {**shared, **axes, "of_model": of_model}
    return as_given({key: value for key, value in given.items() if value != {}}) or "default settings"
