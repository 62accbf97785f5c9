"""Section "training": seconds per epoch of training, next to PyTorch and JAX.

All train on the same batches, which are built before the clock starts. Contenders take turns; of a library
its fastest variant counts. Section "inference" uses the same code. An entry of the JSON is

    model, hidden_size, batch_size
    batches, epoch_batches      how many were timed, and how many an epoch has
    results     a list of
        library, variant, threads (null: the library's own choice)
        difference          the largest between its mean loss on a batch and ours, after 20 steps
        refused             why it was not timed, or null
        first_seconds       20 steps, then a first turn: a compiler's time is included
        training            {seconds: one per repetition, median, epoch_seconds: scaled to an epoch}
"""

import numpy as np

from scripts.benchmarks import turns
from scripts.benchmarks.peers import OWN, OWN_VARIANTS, PEERS, find_libraries
from scripts.benchmarks.sentences import cut_batches, load_or_draw
from scripts.files.numbers import table
from scripts.training.experiment import LOOPS, build_model
from scripts.training.settings import check_settings

SIZES = [(64, 64), (64, 32), (64, 256), (32, 64), (128, 64), (256, 64), (512, 64)]  # H and batch size
STEPS = 20  # of training, after which losses are compared
WARM = 20  # batches before the clock starts: processes and threads have then begun, as in most of a training
CAPTION = (
    "Seconds per epoch of training, scaled from the share of its batches that was timed. A process of ours "
    "has one BLAS thread; × 2 means two threads. PyTorch runs on 1 and 2, packed and padded; JAX on XLA's "
    "own threads, its compilation left out and shown separately (first pass: 20 steps and a turn). The "
    "fastest variant of each library counts; with one thread each, core is compared with core."
)


def points(quick, sizes=None):
    """Return the points of training and inference: both models at each size, given as (H, batch size).

    200 batches are timed (quick: 100) up to H = 64 and batch 64, fewer of larger ones, but at least 20.
    """
    listed = []
    for H, B in sizes or (SIZES[:1] if quick else SIZES):
        batches = max(STEPS, (100 if quick else 200) * 64 * 64 // (max(H, 64) * max(B, 64)))
        listed += [{"model": kind, "hidden_size": H, "batch_size": B, "batches": batches} for kind in LOOPS]
    return listed


def measure(point, repetitions):
    """Return an entry of the JSON without its point; see the docstring of this file."""
    return measure_size(point, repetitions, "training", _turn)


def _turn(contender, batches, share):
    contender.train(batches[:WARM])
    return turns.seconds(contender.train, batches)


def tables(entries):
    """Return the section's paragraphs in Markdown."""
    return [CAPTION, *size_table(entries, "training")]


def plain_model(kind, H, embeddings):
    """Build a model without dropout."""
    settings = check_settings(kind, {"hidden_size": H, "input_dropout": 0.0, "state_dropout": 0.0})
    return build_model(kind, settings, embeddings)


def measure_size(point, repetitions, task, turn):
    """Time our variants and all libraries in one task, "training" or "inference", at one size.

    ``turn(contender, batches, share)`` returns the seconds of a turn; the batches are that share of an epoch.
    """
    kind, H = point["model"], point["hidden_size"]
    _, split, embeddings = load_or_draw()
    batches, epoch_batches = cut_batches(split, point["batch_size"], point["batches"])
    contenders = [variant(kind, plain_model(kind, H, embeddings)) for variant in OWN_VARIANTS]
    versions, _ = find_libraries()
    for module, build in PEERS.items():
        if module in versions:
            contenders += build(kind, plain_model(kind, H, embeddings))
    share = len(batches) / epoch_batches
    results = compare(contenders, batches, repetitions, task, lambda *of: turn(*of, share))
    for result in results:
        if not result["refused"]:
            result[task]["epoch_seconds"] = result[task]["median"] / share
    return {"batches": len(batches), "epoch_batches": epoch_batches, "results": results}


def compare(contenders, batches, repetitions, task, turn):
    """Time contenders, the first of which is ours, on the same batches: the ``results`` of an entry."""
    results, acts, reference = [], {}, None
    for number, contender in enumerate(contenders):
        prepared = contender.prepare(batches)

        def act(contender=contender, prepared=prepared):
            with contender.running():
                return turn(contender, prepared)

        started = turns.clock()
        with contender.running():
            losses = losses_after_training(contender, prepared[:STEPS])
        reference = losses if reference is None else reference
        result = {name: getattr(contender, name) for name in ("library", "variant", "threads")}
        result |= turns.check_agreement(losses, reference, f"after {STEPS} steps its losses")
        results.append(result)
        if not result["refused"]:
            act()
            result["first_seconds"] = turns.clock() - started
            acts[number] = act
    for number, timed in turns.take_turns(acts, repetitions).items():
        results[number][task] = timed
    return results


def losses_after_training(contender, prepared):
    """Train 20 steps, on the same batches again if there are fewer; return the mean loss of each batch."""
    contender.train((prepared * STEPS)[:STEPS])
    return np.array([contender.evaluate([batch]) for batch in prepared])


def fastest(results, task, library, **wanted):
    """Return the fastest result of a library that has the values in `wanted`, or None."""
    wanted |= {"library": library, "refused": None}
    timed = [result for result in results if wanted.items() <= result.items()]
    return min(timed, key=lambda result: result[task]["median"], default=None)


def size_table(entries, task):
    """Return a table of seconds per epoch, one row per size, and a line for each refused contender."""
    results = [result for entry in entries for result in entry["results"]]
    libraries = dict.fromkeys(result["library"] for result in results if result["library"] != OWN)
    variants = dict.fromkeys((r["variant"], r["threads"]) for r in results if r["library"] == OWN)
    rows = []
    for entry in entries:
        results = entry["results"]
        own = {_label(*of): fastest(results, task, OWN, variant=of[0], threads=of[1]) for of in variants}
        row = {f"{task}: model": entry["model"].upper(), "H": entry["hidden_size"]}
        row |= {"batch": entry["batch_size"], "timed": f"{entry['batches']} of {entry['epoch_batches']}"}
        row |= {f"{label}, s": _epoch_seconds(result, task) for label, result in own.items()}
        for library in libraries:
            peer = fastest(results, task, library)
            label = f" ({_label(peer['variant'], peer['threads'])})" if peer else ""
            row[f"{library}, s"] = _epoch_seconds(peer, task) + label
            row |= {f"{label} ÷ {library}": _ratio(result, peer, task) for label, result in own.items()}
            if library == "JAX":
                row["JAX, first pass, s"] = f"{peer['first_seconds']:.0f}" if peer else "–"
            else:
                peer = fastest(results, task, library, threads=1)
                first = next(iter(own))
                row[f"{first} ÷ {library}, one thread each"] = _ratio(own[first], peer, task)
        rows.append(row)
    refused = turns.refusals(entries, ("model", "hidden_size", "batch_size"))
    return [table([row.values() for row in rows], rows[0]), *refused]


def _label(variant, threads):
    return f"{variant} × {threads}" if threads and threads > 1 else variant


def _epoch_seconds(result, task):
    return f"{result[task]['epoch_seconds']:.2f}" if result else "refused"


def _ratio(ours, peer, task):
    return f"{ours[task]['median'] / peer[task]['median']:.2f}" if ours and peer else "–"
