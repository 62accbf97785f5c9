"""A list of variants: each model with every combination of settings; main.compare() calls it.

Settings that are varied are part of the run ids, so another grid under the same name trains runs of its own
and replaces the JSON; called again with the first grid, it is measured again, from the runs that were kept.
"""

import itertools

import numpy as np

from scripts.files.errors import UserError
from scripts.files.runs import NAMES
from scripts.studies.arguments import AXIS, plain
from scripts.studies.variants import Variant, run_variants
from scripts.training.settings import foreign_settings


def compare_models(models=("rnn", "lstm"), seeds=5, name="compare", **options):
    """Train each model with each combination of settings, over seeds, and give the results intervals.

    Returns the dict that scripts/studies/variants.py describes, and prints its table. Parameters are those of
    main.compare() and of :func:`scripts.studies.variants.run_variants`. A setting with several values is
    varied, every value with every value of the others, but nothing in `of_model` is; settings of the LSTM
    alone leave the RNN as it is.
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
    """Pair each LSTM with the RNN that has the same varied settings, those of one model alone excepted."""
    shared = [key for key in axes if not any(key in foreign_settings(model) for model in NAMES)]
    lstms, rnns = ([one for one in variants if one["model"] == model] for model in ("lstm", "rnn"))
    return [
        (lstm, rnn)
        for lstm in lstms
        for rnn in rnns
        if all(rnn["settings"][key] == lstm["settings"][key] for key in shared)
    ]


def _grid(model, models, axes):
    """Return one model with every combination of the values of the axes that it has."""
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
    repeated = [value for value in values if values.count(value) > 1]
    if not values or repeated:
        found = f"holds {repeated[0]!r} more than once" if repeated else "holds no value"
        raise UserError(f"{setting}={values!r} {found}: give each value that is to be compared once")
    return values
