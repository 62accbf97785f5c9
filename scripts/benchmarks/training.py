"""Seconds per epoch of training, next to PyTorch and JAX.

All train on the same batches, built before the clock starts. Contenders take turns in every repetition, so
that a slow minute of the machine affects all of them, and medians are compared; the fastest variant of each
library counts. One that does not compute the same as ours is refused and not timed. The sentences are made
up, like those of SST-2, so that no data/ is needed. scripts/benchmark.py calls :func:`measure` and
:func:`tables`.

An entry of the JSON is

    model, hidden_size, batch_size
    batches, epoch_batches      how many were timed, and how many an epoch has
    results     a list of
        library, variant, threads (null: the library's own choice)
        refused             why it was not timed, or null
        first_seconds       20 steps and a first turn, including a compiler's time
        seconds             of an epoch: the median of the repetitions, scaled from the batches timed
"""

import time
from statistics import median

import numpy as np

from scripts.benchmarks.peers import OWN, OWN_VARIANTS, PEERS, find_libraries
from scripts.files.data import Split
from scripts.files.errors import UserError
from scripts.files.numbers import table
from scripts.text.batches import shuffled_batches
from scripts.training.experiment import LOOPS, build_model
from scripts.training.settings import check_settings

SIZES = [(64, 64), (64, 32), (64, 256), (32, 64), (128, 64), (256, 64), (512, 64)]  # H and batch size
clock = time.perf_counter
TOLERANCE = 1e-4  # of losses
STEPS = 20  # of training, after which losses are compared
WARM = 20  # batches before the clock starts, so that processes and threads are running
DIMENSIONS = 100

# The training rows of SST-2: their number, the number of different words, and quantiles of their lengths.
SST2_SENTENCES, SST2_WORDS = 60_865, 14_345
SST2_QUANTILES = {0: 1, 0.1: 1, 0.25: 3, 0.5: 7, 0.75: 13, 0.9: 21, 0.95: 26, 0.99: 35, 0.999: 45, 1: 52}
CAPTION = (
    "Seconds per epoch of training, scaled from the share of batches that was timed. A process of ours has "
    "one BLAS thread. PyTorch runs on 1 thread and 2 (× 2), packed and padded; JAX on XLA's own threads, its "
    "compilation shown separately (first pass: 20 steps and a turn). The fastest variant of each library "
    "counts; the column of one thread each compares core with core."
)


def points(quick, sizes=None):
    """Return both models at each size, given as (H, batch size).

    200 batches are timed (quick: 100) up to H = 64 and batch 64, fewer for larger sizes, but at least 20.
    """
    listed = []
    for H, B in sizes or (SIZES[:1] if quick else SIZES):
        batches = max(STEPS, (100 if quick else 200) * 64 * 64 // (max(H, 64) * max(B, 64)))
        listed += [{"model": kind, "hidden_size": H, "batch_size": B, "batches": batches} for kind in LOOPS]
    return listed


def measure(point, repetitions):
    """Return an entry of the JSON, described above, without its point."""
    kind, H = point["model"], point["hidden_size"]
    embeddings = draw_embeddings()
    batches, epoch_batches = cut_batches(draw_split(), point["batch_size"], point["batches"])
    contenders = [variant(kind, plain_model(kind, H, embeddings)) for variant in OWN_VARIANTS]
    versions, _ = find_libraries()
    for module, build in PEERS.items():
        if module in versions:
            contenders += build(kind, plain_model(kind, H, embeddings))
    results = compare(contenders, batches, len(batches) / epoch_batches, repetitions)
    return {"batches": len(batches), "epoch_batches": epoch_batches, "results": results}


def draw_split():
    """Draw random words, with frequencies in proportion to 1 / rank, in sentences as long as SST-2's."""
    rng = np.random.default_rng(0)
    quantiles, lengths = zip(*SST2_QUANTILES.items(), strict=True)
    s = np.rint(np.interp(rng.random(SST2_SENTENCES), quantiles, lengths)).astype(np.int32)
    frequency = 1 / np.arange(1, SST2_WORDS - 1)
    x = 2 + rng.choice(SST2_WORDS - 2, s.sum(), p=frequency / frequency.sum())  # rows 0 and 1 are not words
    y = rng.integers(0, 2, len(s)).astype(np.uint8)
    return Split(x.astype(np.min_scalar_type(SST2_WORDS)), s, y, np.arange(len(s)))


def draw_embeddings():
    """Draw random word vectors (V, D); speed does not depend on their values."""
    return 0.4 * np.random.default_rng(0).standard_normal((SST2_WORDS, DIMENSIONS), np.float32)


def cut_batches(split, batch_size, count):
    """Return the first `count` full batches of a shuffled epoch, and how many batches the epoch has."""
    full, rest = divmod(len(split.s), batch_size)
    if not full:
        found = f"a batch of {batch_size} is larger than the {len(split.s)} sentences of an epoch"
        raise UserError(f"{found}: give smaller --sizes")
    split = split._replace(s=split.s[: full * batch_size])  # else some would have one sentence less
    batches = shuffled_batches(split, batch_size, np.random.default_rng(0))
    batches.rows = batches.rows[:count]
    return list(batches), full + (rest > 0)


def plain_model(kind, H, embeddings):
    """Build a model without dropout."""
    settings = check_settings(kind, {"hidden_size": H, "input_dropout": 0.0, "state_dropout": 0.0})
    return build_model(kind, settings, embeddings)


def compare(contenders, batches, share, repetitions):
    """Time contenders, the first of which is ours, on a share of an epoch; return the ``results``."""
    results, prepared, ours = [], {}, None
    for contender in contenders:
        started, own_form = clock(), contender.prepare(batches)
        losses = losses_after_training(contender, own_form[:STEPS])
        ours = losses if ours is None else ours
        result = {name: getattr(contender, name) for name in ("library", "variant", "threads")}
        results.append(result | {"refused": refusal(losses, ours)})
        if not results[-1]["refused"]:
            prepared[len(results) - 1] = own_form
            _turn(contender, own_form, share)
            results[-1]["first_seconds"] = clock() - started
    turns = [
        {number: _turn(contenders[number], own_form, share) for number, own_form in prepared.items()}
        for _ in range(repetitions)
    ]
    for number in prepared:
        results[number]["seconds"] = median(turn[number] for turn in turns)
    return results


def refusal(losses, ours):
    """Return why a contender with these losses is refused, or None."""
    difference = float(np.abs(losses - ours).max())
    if difference <= TOLERANCE:  # false for NaN
        return None
    return f"after {STEPS} steps its losses differ from ours by {difference:.1e}, more than {TOLERANCE:g}"


def losses_after_training(contender, prepared):
    """Train 20 steps, repeating batches if there are fewer; return the mean loss of each batch."""
    with contender.running():
        contender.train((prepared * STEPS)[:STEPS])
        return np.array([contender.evaluate([batch]) for batch in prepared])


def _turn(contender, batches, share):
    """The seconds of an epoch, measured on a share of its batches."""
    with contender.running():
        contender.train(batches[:WARM])
        started = clock()
        contender.train(batches)
        return (clock() - started) / share


def fastest(results, library, **wanted):
    """Return the fastest result of a library that has the values in `wanted`, or None."""
    wanted |= {"library": library, "refused": None}
    timed = [result for result in results if wanted.items() <= result.items()]
    return min(timed, key=lambda result: result["seconds"], default=None)


def tables(entries):
    """Return paragraphs in Markdown: a table with one row per size, a line per refused contender."""
    results = [result for entry in entries for result in entry["results"]]
    libraries = dict.fromkeys(result["library"] for result in results if result["library"] != OWN)
    variants = dict.fromkeys(result["variant"] for result in results if result["library"] == OWN)
    rows = [_row(entry, libraries, variants) for entry in entries]
    refused = [
        f"Refused: {result['library']} {result['variant']} ({entry['model'].upper()}, "
        f"H {entry['hidden_size']}, batch {entry['batch_size']}): {result['refused']}."
        for entry in entries
        for result in entry["results"]
        if result["refused"]
    ]
    return [CAPTION, table([row.values() for row in rows], rows[0]), *refused]


def _row(entry, libraries, variants):
    """The cells of the row of a size, by the heads of their columns."""
    results = entry["results"]
    own = {variant: fastest(results, OWN, variant=variant) for variant in variants}
    row = {"model": entry["model"].upper(), "H": entry["hidden_size"]}
    row |= {"batch": entry["batch_size"], "timed": f"{entry['batches']} of {entry['epoch_batches']}"}
    row |= {f"{variant}, s": _seconds(result) for variant, result in own.items()}
    for library in libraries:
        peer = fastest(results, library)
        row[f"{library}, s"] = _seconds(peer) + (f" ({peer['variant']})" if peer else "")
        row |= {f"{variant} ÷ {library}": _ratio(result, peer) for variant, result in own.items()}
        if library == "JAX":
            row["JAX, first pass, s"] = f"{peer['first_seconds']:.0f}" if peer else "–"
        else:
            first = next(iter(own))
            one_thread = fastest(results, library, threads=1)
            row[f"{first} ÷ {library}, one thread each"] = _ratio(own[first], one_thread)
    return row


def _seconds(result):
    return f"{result['seconds']:.2f}" if result else "refused"


def _ratio(ours, peer):
    return f"{ours['seconds'] / peer['seconds']:.2f}" if ours and peer else "–"
