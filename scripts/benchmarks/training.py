"""Sections "training" and "inference": seconds per epoch, next to PyTorch and JAX.

All train on the same batches, which are built before the clock starts. Contenders take turns; of a library
its fastest variant counts. An entry of the JSON is

    model, hidden_size, batch_size
    batches, epoch_batches      how many were timed, and how many an epoch has
    results     a list of
        library, variant, threads (null: the library's own choice)
        refused             why it was not timed, or null
        first_seconds       20 steps, then a first turn: a compiler's time is included
        seconds             of an epoch: the median of the repetitions, scaled from the batches timed
"""

from functools import partial

import numpy as np

from scripts.benchmarks import turns
from scripts.benchmarks.peers import OWN, OWN_VARIANTS, PEERS, find_libraries
from scripts.benchmarks.sentences import cut_batches, draw_embeddings, draw_split
from scripts.files.numbers import table
from scripts.training.experiment import LOOPS, build_model
from scripts.training.settings import check_settings

SIZES = [(64, 64), (64, 32), (64, 256), (32, 64), (128, 64), (256, 64), (512, 64)]  # H and batch size
STEPS = 20  # of training, after which losses are compared
WARM = 20  # batches before the clock starts: processes and threads have then begun, as in most of a training
CAPTIONS = {
    "training": "Seconds per epoch of training, scaled from the share of its batches that was timed. A "
    "process of ours has one BLAS thread. PyTorch runs on 1 thread and 2 (× 2), packed and padded; JAX on "
    "XLA's own threads, its compilation shown separately (first pass: 20 steps and a turn). The fastest "
    "variant of each library counts; the columns of one thread each compare core with core.",
    "inference": "Seconds per epoch of inference, as those of training. Our inference begins with a "
    "projection of all words, which is counted once per epoch.",
}


def points(quick, sizes=None):
    """Return both models at each size, given as (H, batch size).

    200 batches are timed (quick: 100) up to H = 64 and batch 64, fewer of larger ones, but at least 20.
    """
    listed = []
    for H, B in sizes or (SIZES[:1] if quick else SIZES):
        batches = max(STEPS, (100 if quick else 200) * 64 * 64 // (max(H, 64) * max(B, 64)))
        listed += [{"model": kind, "hidden_size": H, "batch_size": B, "batches": batches} for kind in LOOPS]
    return listed


def measure(point, repetitions, section):
    """Return an entry of the JSON without its point; see the docstring of this file."""
    kind, H = point["model"], point["hidden_size"]
    embeddings = draw_embeddings()
    batches, epoch_batches = cut_batches(draw_split(), point["batch_size"], point["batches"])
    contenders = [variant(kind, plain_model(kind, H, embeddings)) for variant in OWN_VARIANTS]
    versions, _ = find_libraries()
    for module, build in PEERS.items():
        if module in versions:
            contenders += build(kind, plain_model(kind, H, embeddings))
    results = compare(contenders, batches, len(batches) / epoch_batches, repetitions, section)
    return {"batches": len(batches), "epoch_batches": epoch_batches, "results": results}


def plain_model(kind, H, embeddings):
    """Build a model without dropout."""
    settings = check_settings(kind, {"hidden_size": H, "input_dropout": 0.0, "state_dropout": 0.0})
    return build_model(kind, settings, embeddings)


def compare(contenders, batches, share, repetitions, section):
    """Time contenders, the first of which is ours, on a share of an epoch: the ``results`` of an entry."""
    compared = []
    for contender in contenders:
        prepared = contender.prepare(batches)
        described = {name: getattr(contender, name) for name in ("library", "variant", "threads")}
        check = partial(losses_after_training, contender, prepared[:STEPS])
        compared.append((described, check, partial(_turn, contender, prepared, share, section)))
    return turns.compare(compared, repetitions, f"after {STEPS} steps its losses")


def losses_after_training(contender, prepared):
    """Train 20 steps, on the same batches again if there are fewer; return the mean loss of each batch."""
    with contender.running():
        contender.train((prepared * STEPS)[:STEPS])
        return np.array([contender.evaluate([batch]) for batch in prepared])


def _turn(contender, batches, share, section):
    """Return the seconds of an epoch, from those of a share of its batches."""
    with contender.running():
        if section == "training":
            contender.train(batches[:WARM])
            return turns.seconds(contender.train, batches) / share
        contender.evaluate(batches[:WARM])
        return turns.seconds(contender.once) + turns.seconds(contender.evaluate, batches) / share


def fastest(results, library, **wanted):
    """Return the fastest result of a library that has the values in `wanted`, or None."""
    wanted |= {"library": library, "refused": None}
    timed = [result for result in results if wanted.items() <= result.items()]
    return min(timed, key=lambda result: result["seconds"], default=None)


def tables(entries, section):
    """Return the section's paragraphs in Markdown: one row per size, a line for each refused contender."""
    results = [result for entry in entries for result in entry["results"]]
    libraries = dict.fromkeys(result["library"] for result in results if result["library"] != OWN)
    variants = dict.fromkeys(result["variant"] for result in results if result["library"] == OWN)
    rows = [_row(entry, section, libraries, variants) for entry in entries]
    refused = turns.refusals(entries, ("model", "hidden_size", "batch_size"))
    return [CAPTIONS[section], table([row.values() for row in rows], rows[0]), *refused]


def _row(entry, section, libraries, variants):
    """Return the cells of a size, by the heads of their columns."""
    results = entry["results"]
    own = {variant: fastest(results, OWN, variant=variant) for variant in variants}
    row = {f"{section}: model": entry["model"].upper(), "H": entry["hidden_size"]}
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
