"""Compare both models over seeds and any grid of settings; main.compare() calls :func:`compare_models`.

The values that are compared are part of the run ids. So another grid under the same name trains its own runs
and replaces the JSON, and a second call with the first grid only measures the runs that were kept.
"""

import itertools

import numpy as np

from scripts.files.errors import UserError
from scripts.files.runs import NAMES
from scripts.studies.arguments import AXIS, plain, refuse_repeated
from scripts.studies.variants import Variant, run_variants
from scripts.training.settings import foreign_settings


def compare_models(models=("rnn", "lstm"), seeds=5, name="compare", **options):
    """Train each model with each combination of settings, over seeds, and give the results intervals.

    Returns the dict that scripts/studies/variants.py describes, and prints its table. Parameters are those of
    main.compare() and of :func:`scripts.studies.variants.run_variants`. Settings with several values are
    combined, each value with each of the others; those in `of_model` have one value. Settings that only the
    LSTM has don't vary the RNN.
    """
    models = _model_list(models)
    options = {key: plain(value) for key, value in options.items()}
    axes = {key: _value_list(key, values) for key, values in options.items() if isinstance(values, AXIS)}
    return run_variants(
        "comparison",
        name,
        f"{' and '.join(NAMES.get(model, model) for model in models)}: how far back the gradient reaches",
        [variant for model in models for variant in _grid(model, models, axes)],
        seeds,
        axes=axes,
        pairs=lambda variants: pair_models(variants, axes),
        **{key: value for key, value in options.items() if key not in axes},
    )


def pair_models(variants, axes):
    """Pair each LSTM with the RNN whose varied settings are the same, apart from those of one model alone."""
    shared = [key for key in axes if not any(key in foreign_settings(model) for model in NAMES)]
    lstms, rnns = ([one for one in variants if one["model"] == model] for model in ("lstm", "rnn"))
    return [
        (lstm, rnn)
        for lstm in lstms
        for rnn in rnns
        if all(rnn["settings"][key] == lstm["settings"][key] for key in shared)
    ]


def _grid(model, models, axes):
    """Combine all values of the settings that are varied, as variants of one model."""
    foreign = foreign_settings(model, models)
    varied = {key: values for key, values in axes.items() if key not in foreign}
    variants = []
    for values in itertools.product(*varied.values()):
        own = dict(zip(varied, values, strict=True))
        long_name = "-".join(f"{key}-{value}" for key, value in own.items())
        label = ", ".join([NAMES.get(model, model), *(f"{key}={value}" for key, value in own.items())])
        variants.append(Variant(long_name.replace("+", ""), model, label, own))  # 1e+16 is 1e16
    return variants


def _model_list(models):
    models = [models] if isinstance(models, str) else models
    listed = list(models) if np.iterable(models) else []
    if not listed or not all(isinstance(model, str) for model in listed) or len(set(listed)) < len(listed):
        raise UserError(f"models={models!r}: expected each model once, such as ('rnn', 'lstm')")
    return listed


def _value_list(setting, values):
    values = [plain(value) for value in values]
    if not values:
        raise UserError(f"{setting}={values!r} holds no value: give those that are to be compared")
    refuse_repeated(f"{setting}={values!r}", values, "value")
    return values
