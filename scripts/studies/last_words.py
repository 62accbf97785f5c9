"""Does the dataset need memory? Test accuracy from only the last k words of each sentence, of trained models.

main.py calls :func:`memory_study`. ``assets/studies/memory/<name>.json`` holds what every study does
(scripts/files/studies.py), and

    sentences, k        test sentences; 1, 2, … up to the longest
    longer              how many of them have more than k words
    models              a list of
        model, hidden_size, runs (run ids, one per seed), best_epoch (of each)
        accuracy        for each seed, a list over k
        standard_error  of the mean accuracy on whole sentences, on that test split
        enough          from this k on, no mean accuracy is more than one standard error below that
    baselines           {majority: accuracy, counts: [accuracy of each k]}
"""

import warnings

import numpy as np
from threadpoolctl import threadpool_limits

from scripts.files.blocks import DEFAULT
from scripts.files.data import Split, describe_data
from scripts.files.errors import UserError
from scripts.files.numbers import counted, round_to_digits, table
from scripts.files.paths import check_run_id
from scripts.files.progress import progress_bar
from scripts.files.runs import NAMES
from scripts.files.studies import save_study
from scripts.studies.arguments import describe_seeds, run_id_list, seeds_by_model
from scripts.studies.statistics import standard_error
from scripts.training.evaluation import accuracy, load_model

ITERATIONS = 1000  # of logistic regression, at most
SHOWN = (1, 2, 5, 10, 15, 20, 30, 40)  # k in the table


def memory_study(rnn="rnn-run-1", lstm="lstm-run-3", *, name=DEFAULT, progress=True):
    """Measure test accuracy from only the last k words of each sentence, k = 1 … all, of trained runs.

    The models are not trained again: they read the end of a sentence as if it were all. For comparison: the
    majority class of the training split, and logistic regression on word counts, trained on whole rows and
    shown the same last k words. Returns the dict that is written, and prints a table.

    Parameters
    ----------
    rnn, lstm : str or sequence of str
        A run id, or those of several seeds, which differ in nothing else.
    name : str
        Of the study and its figure.
    progress : bool
        Show a progress bar.
    """
    check_run_id(name, "name")
    loaded = _load("rnn", rnn) + _load("lstm", lstm)
    by_model = seeds_by_model([run for _, _, run in loaded], "memory_study")
    data = loaded[0][1]
    train, test = data.splits["train"], data.splits["test"]
    ks = range(1, int(test.s.max()) + 1)
    correct, counts = {run.settings["run_id"]: [] for _, _, run in loaded}, []
    bag_of_words = fit_logistic_regression(word_counts(train, data), train.y)
    for k in progress_bar(ks, "last k words", progress=progress):
        ending = last_words(test, k)
        for (classifier, _, _), by_k in zip(loaded, correct.values(), strict=True):
            by_k.append(accuracy(classifier, ending))
        counts.append(float(bag_of_words.score(word_counts(ending, data), ending.y)))
    return save_study(
        "memory",
        name,
        describe_data(data.manifest, data.name),
        [run for _, _, run in loaded],
        memory_table,
        sentences=len(test.s),
        k=list(ks),
        longer=[int(np.sum(test.s > k)) for k in ks],
        models=[describe_memory(seeds, correct, len(test.s)) for seeds in by_model],
        baselines={"majority": majority_accuracy(train, test), "counts": counts},
    )


def memory_table(study):
    """Write mean accuracies at some k as a table."""
    shown = [k for k in SHOWN if k < study["k"][-1]] + [study["k"][-1]]
    measured = [
        (f"{NAMES[one['model']]}, {counted(len(one['runs']), 'seed')}", np.mean(one["accuracy"], axis=0))
        for one in study["models"]
    ]
    measured.append(("logistic regression on word counts", study["baselines"]["counts"]))
    rows = [[name, *(f"{100 * by_k[k - 1]:.1f}" for k in shown)] for name, by_k in measured]
    return table(rows, ["test accuracy, %, from the last k words", *shown])


def _load(model, run_ids):
    """Return classifier, data and run of each seed of one model, checked to be of that model."""
    run_ids = run_id_list(run_ids, f"run of the {NAMES[model]}")
    loaded = [load_model(run_id) for run_id in run_ids]
    for run_id, (_, _, run) in zip(run_ids, loaded, strict=True):
        if run.settings["model"] != model:
            raise UserError(
                f"run {run_id!r} is one of the {NAMES[run.settings['model']]}, expected the {NAMES[model]}: "
                "give memory_study an RNN's run and an LSTM's, in this order"
            )
    return loaded


def describe_memory(runs, correct, sentences):
    """Return what the study says of the runs of one model, from the accuracies of each by its run id."""
    seeds = describe_seeds(runs)
    accuracies = [correct[run_id] for run_id in seeds["runs"]]
    mean = np.mean(accuracies, axis=0)
    error = standard_error(mean[-1], sentences)
    below = np.flatnonzero(mean < mean[-1] - error)
    return {
        **seeds,
        "accuracy": accuracies,
        "standard_error": round_to_digits(error),
        "enough": int(below[-1]) + 2 if len(below) else 1,
    }


def last_words(split, k):
    """Return a split of which each sentence keeps its last k words."""
    from_end = np.repeat(np.cumsum(split.s, dtype=np.int64), split.s) - np.arange(len(split.x))
    return Split(split.x[from_end <= k], np.minimum(split.s, k), split.y, split.g)


def majority_accuracy(train, test):
    """Return the accuracy on the test split of the majority class of the training split."""
    return float(np.mean(test.y == (train.y.mean() > 0.5)))


def fit_logistic_regression(X, y, C=1.0):
    """Fit scikit-learn's; if it does not converge, one line says so, in place of scikit-learn's warning."""
    from sklearn.exceptions import ConvergenceWarning  # takes a second to import
    from sklearn.linear_model import LogisticRegression

    with threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted = LogisticRegression(C=C, max_iter=ITERATIONS).fit(X, y)
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        print(f"Logistic regression with C={C:g} stopped before it converged; its accuracy may be low.")
    return fitted


def word_counts(split, data):
    """Count each word of the vocabulary in each sentence of a split of the data: a sparse (N, V) matrix."""
    from scipy.sparse import csr_array

    starts = np.concatenate([[0], np.cumsum(split.s, dtype=np.int64)])
    ids = np.asarray(split.x, np.int64)
    return csr_array((np.ones(len(ids)), ids, starts), shape=(len(split.s), len(data.vocabulary)))
