"""Two lists of variants: initialisations of both models, and RNNs of as many units or parameters as an LSTM.

main.py calls both; scripts/studies/variants.py trains and measures them.
"""

import math

from scripts.files.blocks import DEFAULT
from scripts.files.data import load_manifest
from scripts.studies.arguments import refuse_varied, with_epochs
from scripts.studies.variants import Variant, run_variants
from scripts.training.settings import check_settings

EPOCHS = 8  # on SST-2 the validation loss hardly falls after 8 epochs
VARIED = ("recurrent_init", "forget_bias")  # by the study of initialisations
INITIALISATIONS = [
    Variant("uniform", "rnn", "uniform in ±1/√H", {"recurrent_init": "uniform"}),
    Variant("orthogonal", "rnn", "orthogonal", {"recurrent_init": "orthogonal"}),
    Variant("identity", "rnn", "identity", {"recurrent_init": "identity"}),
    Variant("forget-0", "lstm", "forget bias 0", {"forget_bias": 0.0}),
    Variant("forget-1", "lstm", "forget bias 1", {"forget_bias": 1.0}),
    Variant("forget-2", "lstm", "forget bias 2", {"forget_bias": 2.0}),
    Variant("chrono", "lstm", "chrono", {"forget_bias": "chrono"}),
]


def initialisation_study(
    seeds=3,
    epochs=None,
    *,
    name=DEFAULT,
    of_model=None,
    data=None,
    overwrite=False,
    progress=True,
    **settings,
):
    """Compare initial weights: three recurrent initialisations of the RNN and four forget biases of the LSTM.

    Returns the dict that scripts/studies/variants.py describes, and prints its table.

    Parameters
    ----------
    seeds : int or sequence of int
        How many (0, 1, …), or which.
    epochs : int, optional
        By default 8, or each model's own from `of_model`.
    name : str
        Of the study, its runs and its figures; a study with other settings needs another.
    of_model : dict of str to dict, optional
        Settings of one model alone, such as ``BEST``; those that the study varies itself are left out.
    data : str, optional
        Name of the dataset, in data/<data>/; by default the one in data/ itself.
    overwrite, progress : bool
        See :func:`scripts.studies.parallel.train`.
    **settings
        Fields of scripts.training.settings.Settings for all runs, but not those that the study varies itself.
    """
    refuse_varied(settings, *VARIED)
    models = list(dict.fromkeys(variant.model for variant in INITIALISATIONS))
    shared, of_model = with_epochs(settings, epochs, EPOCHS, of_model, models)
    of_model = {
        model: {key: value for key, value in own.items() if key not in VARIED}
        for model, own in of_model.items()
    }
    return run_variants(
        "initialisations",
        name,
        "Initial weights: gradients before and after training",
        INITIALISATIONS,
        seeds,
        shared=shared,
        of_model=of_model,
        data=data,
        overwrite=overwrite,
        progress=progress,
    )


def equal_parameters(
    seeds=3, epochs=EPOCHS, *, name=DEFAULT, data=None, overwrite=False, progress=True, **settings
):
    """Compare an LSTM with an RNN of as many units, and with one of as many parameters.

    Parameters are those of :func:`initialisation_study`; ``hidden_size`` is that of the LSTM and the narrower
    RNN.
    """
    refuse_varied(settings, *VARIED)
    H = check_settings("lstm", settings)["hidden_size"]
    wide = equal_width(H, load_manifest(data)["embeddings"]["dimensions"])
    orthogonal = {"recurrent_init": "orthogonal"}
    return run_variants(
        "equal-parameters",
        name,
        "An LSTM compared with RNNs of as many units, or as many parameters",
        [
            Variant("orthogonal", "rnn", f"RNN, {H} units", orthogonal),
            Variant(f"{wide}-units", "rnn", f"RNN, {wide} units", orthogonal | {"hidden_size": wide}),
            Variant("forget-1", "lstm", f"LSTM, {H} units", {"forget_bias": 1.0}),
        ],
        seeds,
        shared={**settings, "epochs": epochs},
        data=data,
        overwrite=overwrite,
        progress=progress,
    )


def equal_width(hidden_size, dimensions):
    """Return the units of the RNN whose number of parameters is nearest to an LSTM's: (64, 100) gives 161.

    An LSTM has P = 4H (D + H + 1) + H + 1 parameters, an RNN H (D + H + 1) + H + 1: quadratic in H.
    """
    parameters = 4 * hidden_size * (dimensions + hidden_size + 1) + hidden_size + 1
    half = (dimensions + 2) / 2
    return round(math.sqrt(half * half + parameters - 1) - half)
