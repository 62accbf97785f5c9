"""Sections "training" (with inference) and "recording" of the benchmark: the models in SST-2's sentences.

Contenders take turns within one run, in every repetition, and medians are compared: of a library, those of
its fastest variant. One whose losses differ from ours after 20 steps is refused.
"""

import time
from statistics import median
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from scripts.benchmarks.peers import OWN, OWN_VARIANTS
from scripts.dynamics.gradients import gradient_rows, measure
from scripts.files.data import PADDING, Split, load_data
from scripts.files.errors import UserError
from scripts.files.paths import data_path
from scripts.text.batches import shuffled_batches, sorted_batches
from scripts.training.experiment import EVALUATION_BATCH, LOOPS, build_model, generator
from scripts.training.optimizer import Adam
from scripts.training.settings import check_settings

WARM = 20  # batches
STEPS, TOLERANCE = 20, 1e-4  # after so many steps the losses of a peer may differ by so much from ours
DIMENSIONS = 100  # D
TASKS = ("training", "inference")

# Of the training rows of SST-2: how many, how many words, and the quantiles of their lengths.
SST2_SENTENCES, SST2_VALIDATION, SST2_WORDS = 60_865, 6_484, 14_345
SST2_QUANTILES = {0: 1, 0.1: 1, 0.25: 3, 0.5: 7, 0.75: 13, 0.9: 21, 0.95: 26, 0.99: 35, 0.999: 45, 1: 52}


# Sentences ------------------------------------------------------------------------------------------------


class Sentences(NamedTuple):
    """What is trained on.

    Attributes
    ----------
    name : str
    training, validation : Split
    embeddings : (V, D) numpy.ndarray
    """

    name: str
    training: Split
    validation: Split
    embeddings: np.ndarray


def draw_split(sentences=SST2_SENTENCES, words=SST2_WORDS, seed=0, length=None):
    """Made-up sentences as long as those of SST-2, their words as frequent as 1 / rank.

    Parameters
    ----------
    sentences, words : int
        How many of them.
    seed : int
    length : int, optional
        Of every sentence, in its stead.

    Returns
    -------
    Split
    """
    rng = np.random.default_rng(seed)
    quantiles, lengths = zip(*SST2_QUANTILES.items(), strict=True)
    s = np.rint(np.interp(rng.random(sentences), quantiles, lengths)).astype(np.int32)
    if length is not None:
        s[:] = length
    frequency = 1 / np.arange(1, words - 1)
    x = 2 + rng.choice(words - 2, s.sum(), p=frequency / frequency.sum())  # rows 0 and 1 are no words
    y = rng.integers(0, 2, sentences).astype(np.uint8)
    return Split(x.astype(np.min_scalar_type(words)), s, y, np.arange(sentences))


def draw_embeddings(words):
    """Random vectors of D = 100 (no speed depends on their values), (words, D); the first is padding."""
    embeddings = 0.4 * np.random.default_rng(0).standard_normal((words, DIMENSIONS))
    embeddings[PADDING] = 0
    return embeddings.astype(np.float32)


def load_sentences():
    """The splits of data/, or made-up ones where data/ is empty, with vectors of D = 100.

    Returns
    -------
    Sentences
        Its embeddings are random where data/ has none of 100 dimensions.
    """
    if not data_path("dataset.json").exists():
        splits = draw_split(SST2_SENTENCES), draw_split(SST2_VALIDATION, seed=1)
        name = f"made-up, lengths as in SST-2, {SST2_WORDS:,} words"
        return Sentences(name, *splits, draw_embeddings(SST2_WORDS))
    data = load_data()
    embeddings = np.array(data.embeddings, np.float32)
    if embeddings.shape[1] != DIMENSIONS:
        embeddings = draw_embeddings(len(embeddings))
    name = data.manifest["dataset"]["name"]
    return Sentences(name, data.splits["train"], data.splits["validation"], embeddings)


def cut_batches(split, batch_size, count):
    """The first `count` full batches of a shuffled epoch, and how many batches the epoch has."""
    batches = shuffled_batches(split, batch_size, np.random.default_rng(0))
    full = [rows for rows in batches.rows if len(rows) == batch_size][:count]
    if not full:
        raise UserError(
            f"data/ has {len(split.s)} training sentences, less than one batch of {batch_size}: preprocess a "
            "larger dataset, or empty data/ to time made-up sentences"
        )
    epoch_batches, batches.rows = len(batches), full
    return list(batches), epoch_batches


# Measurements ---------------------------------------------------------------------------------------------


def compare(contenders, batches, repetitions, clock=time.perf_counter, share=1.0):
    """Time contenders, the first of which is ours, on the same batches, in turns.

    Parameters
    ----------
    contenders : list
        :class:`scripts.benchmarks.peers.Own` and its like.
    batches : list of scripts.text.batches.Batch
    repetitions : int
    clock : callable
        Seconds now.
    share : float
        Of an epoch, that these batches are. So much of what a pass of inference does once is theirs.

    Returns
    -------
    list of dict
        ``results`` of a size in the JSON, less ``epoch_seconds``.
    """
    results, timed, reference = [], [], None
    for contender in contenders:
        prepared = contender.prepare(batches)
        started = clock()
        with contender.running():
            losses = losses_after_training(contender, prepared[:STEPS])
        reference = losses if reference is None else reference
        result = describe(contender) | check_agreement(losses, reference)
        results.append(result)
        if not result["refused"]:
            with contender.running():
                contender.train(prepared)
                contender.evaluate(prepared)
            result["first_seconds"] = clock() - started
            result |= {task: {"seconds": []} for task in TASKS}
            timed.append((contender, prepared, result))
    for _ in range(repetitions):
        for contender, prepared, result in timed:
            time_tasks(contender, prepared, result, clock, share)
    for _, _, result in timed:
        for task in TASKS:
            result[task]["median"] = median(result[task]["seconds"])
    return results


def losses_after_training(contender, prepared):
    """Mean loss of each batch after 20 steps of training, one a batch (from the first again, where fewer)."""
    contender.train((prepared * STEPS)[:STEPS])
    return np.array([contender.evaluate([batch]) for batch in prepared])


def check_agreement(losses, reference):
    """Whether the losses of a peer are ours, up to rounding.

    Parameters
    ----------
    losses, reference : (n,) numpy.ndarray
        Mean loss of each batch after 20 steps: the peer's, and ours.

    Returns
    -------
    dict
        ``difference``, the largest; ``refused``, None or the reason.
    """
    difference = float(np.abs(losses - reference).max())
    if difference <= TOLERANCE:  # False for NaN
        return {"difference": difference, "refused": None}
    return {
        "difference": difference if np.isfinite(difference) else None,
        "refused": f"after {STEPS} steps its losses differ from ours by {difference:.1e}, more than "
        f"{TOLERANCE:g}: it computes something else",
    }


def describe(contender):
    """What a result says of its contender."""
    return {"library": contender.library, "variant": contender.variant, "threads": contender.threads}


def time_tasks(contender, prepared, result, clock, share):
    """Append the seconds of one training and one inference pass to a result.

    Batches go before the clock starts, ``WARM`` of them: a process that was forked just now, and the threads
    of a library, have then begun, as they have in all but the first batches of a training.
    """

    def seconds(act, *arguments):
        started = clock()
        act(*arguments)
        return clock() - started

    with contender.running():
        contender.train(prepared[:WARM])
        result["training"]["seconds"].append(seconds(contender.train, prepared))
        once = seconds(contender.once)
        result["inference"]["seconds"].append(share * once + seconds(contender.evaluate, prepared))


def fastest(results, library, task, variant=None):
    """The result of a library's fastest variant, or of one variant at its best; None where none was timed."""
    timed = [result for result in results if result["library"] == library and not result["refused"]]
    if variant is not None:
        timed = [result for result in timed if result["variant"] == variant]
    return min(timed, key=lambda result: result[task]["median"], default=None)


def ratios(results, task):
    """Each variant of ours, at its best number of threads, ÷ the fastest one of each library: medians."""
    libraries = dict.fromkeys(result["library"] for result in results if result["library"] != OWN)
    peers = {library: peer for library in libraries if (peer := fastest(results, library, task))}
    variants = dict.fromkeys(result["variant"] for result in results if result["library"] == OWN)
    own = {variant: best for variant in variants if (best := fastest(results, OWN, task, variant))}
    return {
        variant: {library: best[task]["median"] / peer[task]["median"] for library, peer in peers.items()}
        for variant, best in own.items()
    }


def measure_size(point, sentences, builders, batches, repetitions, clock=time.perf_counter):
    """One entry of ``training`` of the JSON, less its point.

    Parameters
    ----------
    point : dict
        ``model``, ``hidden_size``, ``batch_size``.
    sentences : Sentences
    builders : dict
        As :func:`scripts.benchmarks.peers.find_peers` gives them.
    batches : int
        How many are timed at H = 64 and batch 64, at most; fewer of larger ones.
    repetitions : int
    clock : callable

    Returns
    -------
    dict
    """
    kind, H, B = point["model"], point["hidden_size"], point["batch_size"]
    cut, epoch_batches = cut_batches(sentences.training, B, timed_batches(H, B, batches))
    settings = check_settings(kind, {"hidden_size": H, "input_dropout": 0.0, "state_dropout": 0.0})

    def fresh(threads=1):
        return build_model(kind, settings, sentences.embeddings)

    contenders = [variant(kind, fresh(threads), threads) for variant, threads in OWN_VARIANTS]
    contenders += [peer for build in builders.values() for peer in build(kind, fresh())]
    results = compare(contenders, cut, repetitions, clock, share=len(cut) / epoch_batches)
    for result in results:
        for task in TASKS if not result["refused"] else ():
            result[task]["epoch_seconds"] = result[task]["median"] * epoch_batches / len(cut)
    return {
        "batches": len(cut),
        "epoch_batches": epoch_batches,
        "results": results,
        "ratios": {task: ratios(results, task) for task in TASKS},
    }


def timed_batches(H, B, count):
    """How many batches are timed: `count` up to H = 64 and batch 64, fewer of larger ones, at least 20."""
    return max(STEPS, count * 64 * 64 // (max(H, 64) * max(B, 64)))


# Recording gradients --------------------------------------------------------------------------------------


def measure_recording(point, sentences, repetitions, clock=time.perf_counter):
    """What recording gradients adds to an epoch: one entry of ``recording`` of the JSON, less its point.

    Whole epochs as a run has them, with dropout and validation, on one BLAS thread; one without and one with
    recording in turns.

    Parameters
    ----------
    point, sentences, repetitions, clock
        As those of :func:`measure_size`.

    Returns
    -------
    dict
    """
    rows = gradient_rows(sentences.validation.s)
    off, on = (start_run(point, sentences, repetitions) for _ in range(2))
    seconds = {"off": [], "on": []}
    with threadpool_limits(1, user_api="blas"):
        for _ in range(repetitions):
            for variant, (model, epochs) in zip(seconds, (off, on), strict=True):
                started = clock()
                next(epochs)
                if variant == "on":
                    measure(model, sentences.validation, rows)
                seconds[variant].append(clock() - started)
    results = {variant: {"seconds": of, "median": median(of)} for variant, of in seconds.items()}
    ratio = results["on"]["median"] / results["off"]["median"]
    return {"sentences": len(rows), "results": results, "ratio": ratio}


def start_run(point, sentences, epochs):
    """A model and the generator that trains it, an epoch a step, as scripts.training.experiment runs it."""
    given = {name: point[name] for name in ("hidden_size", "batch_size")}
    settings = check_settings(point["model"], given)
    model = build_model(point["model"], settings, sentences.embeddings)
    return model, LOOPS[point["model"]](
        model,
        lambda epoch: shuffled_batches(
            sentences.training, settings["batch_size"], generator(0, "shuffling", epoch)
        ),
        sorted_batches(sentences.validation, EVALUATION_BATCH),
        Adam(model.theta, settings["lr"], clip_norm=settings["clip_norm"]),
        epochs=epochs,
        first_epoch=1,
        dropout_rng=lambda epoch: generator(0, "dropout", epoch),
        progress=False,
    )
