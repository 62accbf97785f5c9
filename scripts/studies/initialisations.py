"""Compare initial weights: both models with several initialisations, untrained and trained.

main.py calls :func:`initialisation_study`; scripts/studies/variants.py trains and measures the variants.
"""

from scripts.files.blocks import DEFAULT
from scripts.studies.variants import Variant, run_variants

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


def initialisation_study(seeds=3, epochs=None, *, name=DEFAULT, of_model=None, **options):
    """Compare initial weights: three recurrent initialisations of the RNN and four forget biases of the LSTM.

    Returns the dict that scripts/studies/variants.py describes, and prints its table.

    Parameters
    ----------
    seeds : int or sequence of int
        How many (0, 1, …), or which.
    epochs : int, optional
        By default 8, or each model's own from `of_model`.
    name : str
        Name of the study, its runs and its figures; a study with other settings needs another name.
    of_model : dict of str to dict, optional
        Settings of one model alone, such as ``BEST``; those that the study varies itself are ignored.
    data : str, optional
        Name of the dataset, in data/<data>/; by default the one in data/ itself.
    overwrite, progress, jobs, scheduler
        See :func:`scripts.studies.parallel.train`.
    **options
        Fields of scripts.training.settings.Settings for all runs, except those that the study varies itself.
    """
    return run_variants(
        "initialisations",
        name,
        "Initial weights: gradients before and after training",
        INITIALISATIONS,
        seeds,
        epochs,
        usual_epochs=EPOCHS,
        varied=VARIED,
        of_model=of_model,
        **options,
    )
