"""The search behind scripts/training/recipes.py: each recipe and its changes, on the validation split alone.

main.py calls :func:`search`; scripts/studies/variants.py trains and measures its variants. No test sentence
is read.
"""

from scripts.files.blocks import DEFAULT
from scripts.files.runs import NAMES
from scripts.studies.variants import Variant, run_variants
from scripts.training.recipes import BEST
from scripts.training.settings import as_given

# fmt: off
CHANGES = {
    "rnn": [
        {"hidden_size": 64}, {"hidden_size": 192}, {"lr": 0.001}, {"schedule": "constant"},
        {"batch_size": 32}, {"batch_size": 128}, {"clip_norm": 1.0}, {"weight_decay": 0.0},
        {"averaging": 0.0}, {"input_dropout": 0.2}, {"state_dropout": 0.5}, {"recurrent_init": "orthogonal"},
        {"length_weight": 0.0},
    ],
    "lstm": [
        {"hidden_size": 128}, {"hidden_size": 256}, {"lr": 0.002, "schedule": "linear"}, {"batch_size": 128},
        {"clip_norm": 1.0}, {"weight_decay": 0.0}, {"forget_bias": 1.0}, {"averaging": 0.0},
        {"input_dropout": 0.2}, {"state_dropout": 0.5}, {"length_weight": 0.5},
    ],
}
# fmt: on


def search(seeds=2, *, name=DEFAULT, **options):
    """Train both models with their best settings and with each change of them; compare validation losses.

    Parameters and result are those of :func:`scripts.studies.variants.run_variants`.
    """
    return run_variants(
        "search",
        name,
        "The best settings and one change at a time, on the validation split",
        planned(),
        seeds,
        of_model=BEST,
        **options,
    )


def planned():
    """Return all variants, named after their change: for each model its best settings, then each change."""
    variants = []
    for model in BEST:
        variants.append(Variant("best", model, f"{NAMES[model]}, its best settings", {}))
        for change in CHANGES[model]:
            name = "-".join(f"{key}-{value}" for key, value in change.items())
            variants.append(Variant(name, model, f"{NAMES[model]}, {as_given(change)}", change))
    return variants
