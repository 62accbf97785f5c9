"""Are far words needed, and is their order? Trained models read changed test sentences.

main.py calls :func:`memory_study`. The last k words of each sentence stay as they are; the words before them
are left out, or shuffled (Khandelwal et al. 2018). Models that were trained on shuffled words and read
sentences in order (Shen et al. 2018) are compared with the others. Besides what every study holds
(scripts/files/studies.py), ``assets/studies/memory/<name>.json`` has

    sentences       {count, longest}: of the test split
    k, conditions   numbers of words that stay; names, in differences, of sentences with the others shuffled
    shuffles        {count, seed}: all models read the same ones; an accuracy is the mean over them
    models          a list of what arguments.begin_study returns, each with
        word_order      in training: kept or shuffled
        whole           accuracy on whole sentences in order, one per seed
        left_out, shuffled  accuracy by k, a list for each seed, with the other words left out or shuffled;
                        null where k = 0 leaves nothing
    baselines       logistic regression on word counts, which ignores order, trained on whole rows: ``whole``,
                    and ``counts`` by k, with the other words left out
    differences     a list of
        label           as in the table; LSTM − RNN is the lead, which itself changes
        condition       how sentences are read, see :func:`condition`, or "trained on shuffled words"
        test_accuracy   the difference: an interval over the runs that read both, else that of Welch's test
        sentences_error     its standard error over the test sentences
"""

from functools import partial

import numpy as np

from scripts.files.blocks import DEFAULT
from scripts.files.data import Split
from scripts.files.numbers import counted, round_to_digits, table
from scripts.files.progress import progress_bar
from scripts.files.runs import COMPARED, NAMES
from scripts.studies.arguments import announce, begin_study
from scripts.studies.baselines import fit_logistic_regression, word_counts
from scripts.studies.statistics import difference, error_over_sentences, interval
from scripts.studies.variants import DIFFERENCE_HEADS, difference_cells
from scripts.text.batches import distances, shuffle_words
from scripts.training.evaluation import correct, load_model

K = (0, 2, 5, 10, 15, 20, 30)
SHOWN = (None, 0, 5, 10, 20)  # k in the table of differences
SHUFFLES, SEED = 10, 0
IN_ORDER, TRAINED = "in order", "trained on shuffled words"  # conditions; the latter reads in order, too
LEAD = "LSTM − RNN"


def memory_study(run_ids=("rnn-run-1", "lstm-run-3"), name=DEFAULT, *, progress=True):
    """Measure test accuracy with all but the last k words of each sentence left out, or shuffled.

    The runs are not trained again. Returns the dict that is written, and prints its tables.

    Parameters
    ----------
    run_ids : str or sequence of str
        Runs of one model differ only in their seeds, or in ``word_order``.
    name : str
        Name of the study and its figure.
    progress : bool
        Show a progress bar.
    """
    data, models, save = begin_study("memory", name, run_ids, memory_table, "word_order")
    train, test = data.splits["train"], data.splits["test"]
    ks = [k for k in K if k < test.s.max()]
    readings = len(ks) * (SHUFFLES + 1)  # of each run
    announce(models, lambda run_id: partial(correct, load_model(run_id)[0], test), readings)
    bag_of_words = fit_logistic_regression(word_counts(train, data), train.y)
    bag_accuracy = [bag_of_words.score(word_counts(part, data), test.y) for part in _endings(test, ks)]
    with progress_bar(total=len(ks) * sum(len(of["runs"]) for of in models), progress=progress) as bar:
        read = [_measure(of, test, ks, bar) for of in models]
    return save(
        sentences={"count": len(test.s), "longest": int(test.s.max())},
        k=ks,
        conditions=[condition(k) for k in ks],
        shuffles={"count": SHUFFLES, "seed": SEED},
        models=models,
        baselines={"whole": bag_accuracy[0], "counts": [None, *bag_accuracy[1:]]},
        differences=_differences(zip(models, read, strict=True)),
    )


def _endings(split, ks):
    """Yield a split, and then its last k words alone for each k except 0."""
    yield split
    for k in ks[1:]:
        yield Split(split.x[distances(split) < k], np.minimum(split.s, k), split.y, split.g)


def _measure(of, test, ks, bar):
    """Measure the runs of one model; return by k (None: in order) how often each is correct, (runs, N)."""
    of["left_out"], by_k = [], {k: [] for k in (None, *ks)}
    for run_id in of["runs"]:
        bar.set_description(run_id, refresh=False)
        model, _, _ = load_model(run_id)
        whole, *endings = (correct(model, part) for part in _endings(test, ks))
        by_k[None].append(whole)
        of["left_out"].append([None, *(float(ending.mean()) for ending in endings)])
        for k in ks:
            drawn = (shuffle_words(test, np.random.default_rng([SEED, n]), k) for n in range(SHUFFLES))
            by_k[k].append(np.mean([correct(model, shuffled) for shuffled in drawn], axis=0))
            bar.update()
    by_k = {k: np.array(read, float) for k, read in by_k.items()}
    whole, *shuffled = (by_k[k].mean(1) for k in by_k)
    of["whole"], of["shuffled"] = whole.tolist(), round_to_digits(np.transpose(shuffled))
    return by_k


def condition(k):
    """Name how the test sentences are read: shuffled but for their last k words, or (None) in order."""
    return IN_ORDER if k is None else f"shuffled beyond {k}" if k else "shuffled"


def change(of, name):
    """Label the difference that a condition makes."""
    return f"{of}, {name} − {IN_ORDER}"


def _differences(models):
    """Compare, for both models, every condition with sentences in order; and one model with the other."""
    read = {model: {} for model in COMPARED}
    for one, by_k in models:
        shuffled = one["word_order"] == "shuffled"
        read[one["model"]] |= {TRAINED: by_k[None]} if shuffled else {condition(k): by_k[k] for k in by_k}
    found, (rnn, lstm) = {}, read.values()
    for model, mine in read.items():
        for name in mine if IN_ORDER in mine else ():
            if name != IN_ORDER:  # the same runs read both, or others
                over_seeds = difference if name == TRAINED else lambda a, b: interval(a - b)
                found[change(NAMES[model], name)] = name, mine[name], mine[IN_ORDER], over_seeds
    both = [name for name in rnn if name in lstm]
    found |= {f"{LEAD}, {name}": (name, lstm[name], rnn[name], difference) for name in both}
    for name in both:
        if name not in (IN_ORDER, TRAINED):
            changes = lstm[name] - lstm[IN_ORDER], rnn[name] - rnn[IN_ORDER]
            found[change(LEAD, name)] = name, *changes, difference
    return [
        {
            "label": label,
            "condition": name,
            "test_accuracy": over_seeds(a.mean(1), b.mean(1)),
            "sentences_error": error_over_sentences(a, b),
        }
        for label, (name, a, b, over_seeds) in found.items()
    ]


def memory_table(study):
    """Write mean accuracies by k as a table, and differences at some k as another."""
    rows, baselines = [], study["baselines"]
    for one in study["models"]:
        label = f"{NAMES[one['model']]}, {counted(len(one['runs']), 'seed')}"
        label += f", {TRAINED}" if one["word_order"] == "shuffled" else ""
        for words in ("left out", "shuffled"):
            by_k = [*zip(*one[words.replace(" ", "_")], strict=True), one["whole"]]
            rows.append([f"{label}: {words}", *map(_percent, by_k)])
    counts = ([accuracy] for accuracy in (*baselines["counts"], baselines["whole"]))
    rows.append(["logistic regression on word counts: left out", *map(_percent, counts)])
    heads = ["test accuracy, %, all but the last k words", *(f"k = {k}" for k in study["k"]), "in order"]
    shown = [one for one in study["differences"] if one["condition"] in (*map(condition, SHOWN), TRAINED)]
    differences = [[found["label"], *difference_cells(found)] for found in shown]
    return f"{table(rows, heads)}\n\n{table(differences, ['difference', *DIFFERENCE_HEADS])}"


def _percent(seeds):
    return "–" if None in seeds else f"{100 * np.mean(seeds):.1f}"
