"""Does training need the gradient that reaches far back? Both models trained with a changed backward pass.

main.py calls :func:`backward_study`. Its variants (scripts/studies/variants.py) differ only in the backward
signal in training (scripts/dynamics/interventions.py). Each is compared with full training of its model, and
some LSTMs with the RNN as well.

If a change costs no accuracy, this shows: for ``truncate-K``, that no gradient from further back is needed;
for ``truncate-recurrent-K``, that W_hh need not learn to carry words further; for ``preserve-norm``, that the
RNN doesn't lack the norm of its gradient; for ``h-detach``, that the gradient along the cell is enough, and
for ``c-detach``, that it isn't needed. If an LSTM still leads over the RNN, its lead doesn't come from the
gradient that was taken away. assets/README.md has what was expected before any result.
"""

from scripts.files.blocks import DEFAULT
from scripts.files.numbers import table
from scripts.files.runs import COMPARED, NAMES
from scripts.studies.statistics import smallest_enough
from scripts.studies.variants import Variant, run_variants, variants_table
from scripts.training.recipes import BEST

DISTANCES = (0, 1, 2, 3, 5, 10, 20)  # K of truncation
BOTH = ["full", *(f"truncate-{K}" for K in DISTANCES), "truncate-recurrent-5", "truncate-recurrent-10"]
BOTH += ["preserve-norm"]
OF_LSTM = ["h-detach", "h-detach-0.5", "c-detach"]
EPOCHS = 8  # where no recipe says how many
AGAINST_RNN = ("full", "truncate-10", "h-detach", "gates-x")  # LSTMs compared with the RNN's full training


def backward_study(
    seeds=5, epochs=None, *, backward=(*BOTH, *OF_LSTM, "gates-x"), name=DEFAULT, of_model=BEST, **options
):
    """Train both models with each change of the backward pass, and compare them with full training.

    Returns the dict that scripts/studies/variants.py describes, and prints its tables. The other parameters
    are those of :func:`scripts.studies.initialisations.initialisation_study`.

    Parameters
    ----------
    backward : sequence of str
        Values of the setting ``backward``; "gates-x" is an LSTM whose gates see the input alone. The RNN is
        trained only with those that it has.
    """
    variants = [
        Variant(
            one,
            model,
            f"{NAMES[model]}, {one}",
            {"gate_inputs": "x"} if one == "gates-x" else {"backward": one},
        )
        for model in COMPARED
        for one in backward
        if model == "lstm" or one not in (*OF_LSTM, "gates-x")
    ]
    return run_variants(
        "backward",
        name,
        "Training with the backward pass changed",
        variants,
        seeds,
        epochs,
        usual_epochs=EPOCHS,
        varied=("backward", "gate_inputs"),
        of_model=of_model,
        pairs=_pairs,
        show=backward_table,
        **options,
    )


def _pairs(variants):
    """Pair each variant with full training of its model, and some LSTMs with that of the RNN, too."""
    by_name = {(one["model"], one["name"]): one for one in variants}
    pairs = []
    for (model, name), one in by_name.items():
        references = [model] if name != "full" else []
        references += ["rnn"] if model == "lstm" and name in AGAINST_RNN else []
        pairs += [(one, by_name[of, "full"]) for of in references if (of, "full") in by_name]
    return pairs


def backward_table(study):
    """Write the study as text: its variants, their differences, and which K is enough where one is."""
    enough = {NAMES[model]: smallest_enough(study, model) for model in COMPARED}
    rows = [[name, K] for name, K in enough.items() if K is not None]
    heads = ["from which K on truncate-K is not measurably worse than full training", "K"]
    return "\n\n".join([variants_table(study), *([table(rows, heads)] if rows else [])])
