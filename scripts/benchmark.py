"""Speed and memory, beside PyTorch, JAX and gensim, on a CPU.

Run it::

    python scripts/benchmark.py                          everything
    python scripts/benchmark.py --quick                  H = 64, batch 64, smaller files: some minutes
    python scripts/benchmark.py --only training glove    some sections
    python scripts/benchmark.py --only training --sizes 64x64 128x64
    python scripts/benchmark.py --show assets/benchmarks/2026-01-31.json     the tables of a run once more

A library that is not installed is skipped. What is measured is written after every point; where a run was
interrupted, the same command continues it. With ``--only``, the other sections that were measured on the same
day, under the same circumstances, stay.

``assets/benchmarks/<date>.json`` (``<date>-quick.json``) holds

    format_version, benchmark (its name), date, quick, finished, versions
    machine         {cpu, cores, blas, environment, load_before, load_after}: load averages of the last
                    minute, the one before being that of other processes alone; for the rest see
                    scripts/benchmarks/machine.py
    data            {name, sentences, tokens, vocabulary, dimensions}
    settings        {lr, clip_norm, beta1, beta2, epsilon, batches, repetitions, agreement_steps, tolerance,
                    warm_batches (trained before the clock starts, in each turn), threads}
    skipped         {library: why it took no part}

and five lists, one entry a point, each with ``others``: cores that other processes kept busy meanwhile, on
average; null where that can't be told.

    training        scripts/benchmarks/training.py
        model, hidden_size, batch_size
        batches, epoch_batches      how many were timed, and how many an epoch has
        results     a list of
            library, variant, threads (null: the library's own choice)
            difference          largest between its mean loss on a batch and ours, after 20 steps
            refused             why it was not timed, or null
            first_seconds       20 steps, then training and inference once: what a compiler needs is in here
            training, inference {seconds: one a repetition, median, epoch_seconds: scaled to an epoch}; what
                                our inference does once an epoch counts by the share of it that was timed
        ratios      {training, inference: {our variant: {library: our median, at the best number of threads
                    for this task, ÷ its fastest variant's}}}
    recording       scripts/benchmarks/training.py
        model, hidden_size, batch_size, sentences (of those gradients are recorded)
        results     {off, on: {seconds: one an epoch, median}}
        ratio       on ÷ off
    products        scripts/benchmarks/products.py
        model, hidden_size, batch_size
        step_seconds        of both passes of our model, a step of so many sentences
        products            {forward, backward, weights: seconds that this product takes alone}
        operations          of these products, multiplications and additions
        share               theirs ÷ step_seconds
    glove           scripts/benchmarks/growth.py
        lines, timed, bytes, words (asked for)
        results     a list of {library, difference, refused, seconds, median}
        ratios      {library: our median ÷ its}
        memory      {before, peak}: bytes of our reader's process, of which no file is behind
    growth          scripts/benchmarks/growth.py
        model, sentences, T (null: as in SST-2), hidden_size
        tokens, seconds, seconds_a_token, cut_seconds
        memory      {before, loaded, cut, trained, peak}
"""

import argparse
import datetime
import importlib
import platform
import re
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.benchmarks.growth import LINE, measure_glove, measure_growth
from scripts.benchmarks.machine import busy_others, describe_machine, load_average
from scripts.benchmarks.peers import (
    BETA1,
    BETA2,
    CLIP_NORM,
    EPSILON,
    LR,
    OWN,
    PEERS,
    THREADS,
    find_peers,
)
from scripts.benchmarks.products import measure_products
from scripts.benchmarks.tables import tables
from scripts.benchmarks.training import (
    SST2_WORDS,
    STEPS,
    TOLERANCE,
    WARM,
    Sentences,
    load_sentences,
    measure_recording,
    measure_size,
)
from scripts.files.errors import UserError, errors_in_one_line
from scripts.files.paths import FORMAT_VERSION, assets_path, check_version
from scripts.files.storage import read_json, write_json
from scripts.training.experiment import LOOPS

NAME = "speed and memory"


class Plan(NamedTuple):
    """What is measured, and how often.

    Attributes
    ----------
    sizes : list of (int, int)
        H and batch size: of training and inference.
    recorded : tuple of (int, int)
        The same, of recording gradients.
    glove : dict of int to bool
        Lines of a file: whether it is timed, too.
    sentences, lengths, units : list of int
        Growth: N, T and H, each varied while the other two stay.
    batches, repetitions : int
        Timed at H = 64 and batch 64, and how often.
    words : int
        Asked for in a GloVe file.
    """

    sizes: list
    recorded: tuple
    glove: dict
    sentences: list
    lengths: list
    units: list
    batches: int
    repetitions: int
    words: int = SST2_WORDS


FULL = Plan(
    sizes=[(64, 64), (64, 32), (64, 256), (32, 64), (128, 64), (256, 64), (512, 64)],
    recorded=(64, 64),
    glove={200_000: True, 1_300_000: False},
    sentences=[10_000, 100_000, 1_000_000],
    lengths=[10, 50, 250],
    units=[32, 64, 128, 256, 512],
    batches=200,
    repetitions=5,
)
QUICK = FULL._replace(
    sizes=[(64, 64)],
    glove={20_000: True, 100_000: False},
    sentences=[10_000, 100_000],
    lengths=[10, 50],
    units=[32, 64],
    batches=100,
    repetitions=3,
)


class Context(NamedTuple):
    """What measuring a point needs besides the point."""

    plan: Plan
    sentences: Sentences
    builders: dict
    skipped: dict


class Section(NamedTuple):
    """``points(plan)`` lists what is measured, ``measure(point, context)`` gives the rest of an entry."""

    points: object
    measure: object


def training_points(plan):
    """Both models at each size."""
    return [{"model": kind, "hidden_size": H, "batch_size": B} for H, B in plan.sizes for kind in LOOPS]


def recording_points(plan):
    """Both models."""
    H, B = plan.recorded
    return [{"model": kind, "hidden_size": H, "batch_size": B} for kind in LOOPS]


def products_points(plan):
    """Both models at each number of units, at the first batch size."""
    B = plan.recorded[1]
    return [{"model": kind, "hidden_size": H, "batch_size": B} for H in plan.units for kind in LOOPS]


def glove_points(plan):
    """Files of so many lines."""
    return [{"lines": lines, "timed": timed} for lines, timed in plan.glove.items()]


def growth_points(plan):
    """Both models: N, T and H in turn, each while the other two stay."""
    H = plan.recorded[0]
    points = [(N, None, H) for N in plan.sentences]
    points += [(plan.sentences[0], T, H) for T in plan.lengths]
    points += [(plan.sentences[0], None, units) for units in plan.units if units != H]
    return [
        {"model": kind, "sentences": N, "T": T, "hidden_size": units}
        for kind in LOOPS
        for N, T, units in points
    ]


SECTIONS = {
    "training": Section(
        training_points,
        lambda point, c: measure_size(point, c.sentences, c.builders, c.plan.batches, c.plan.repetitions),
    ),
    "recording": Section(
        recording_points,
        lambda point, c: measure_recording(point, c.sentences, c.plan.repetitions),
    ),
    "products": Section(
        products_points,
        lambda point, c: measure_products(point, c.plan.repetitions),
    ),
    "glove": Section(
        glove_points,
        lambda point, c: measure_glove(point, c.skipped, c.plan.words, c.plan.repetitions),
    ),
    "growth": Section(
        growth_points,
        lambda point, c: measure_growth(point, c.plan.batches, c.plan.repetitions),
    ),
}
CIRCUMSTANCES = ("versions", "machine", "data", "settings")


def benchmark(plan=FULL, sections=tuple(SECTIONS), peers=PEERS, quick=False):
    """Measure some sections, write the JSON after each point, and print the tables.

    Parameters
    ----------
    plan : Plan
    sections : sequence of str
        Of ``SECTIONS``.
    peers : dict
        As ``scripts.benchmarks.peers.PEERS``.
    quick : bool
        Name the file so.

    Returns
    -------
    dict
        What was written.

    Raises
    ------
    UserError
        Today's file was measured under other circumstances, or a measurement can't be made.
    """
    load_before, machine = load_average(), describe_machine()  # before the peers bring their BLAS
    builders, versions, skipped = find_peers(peers)
    skipped |= skip_gensim(versions)
    for library, why in skipped.items():
        print(f"{library} is skipped, {why}.")
    context = Context(plan, load_sentences(), builders, skipped)
    record = describe_run(context, versions, machine, quick)
    path = assets_path("benchmarks", f"{record['date']}{'-quick' if quick else ''}.json")
    record = continue_from(path, record, sections)
    record["machine"].setdefault("load_before", load_before)
    for name in sections:
        measure_section(name, context, record, path)
    record["finished"] = True
    write_json(path, record)
    print(tables(record), f"\nWritten to {path}.")
    return record


def measure_section(name, context, record, path):
    """Measure those points of a section that `record` doesn't hold yet; write it after each."""
    points = [
        point
        for point in SECTIONS[name].points(context.plan)
        if not any(point.items() <= entry.items() for entry in record[name])
    ]
    for point in (bar := tqdm(points, name, unit="point", leave=False)):
        bar.set_postfix_str(", ".join(f"{key} {value}" for key, value in point.items() if value is not None))
        entry, others = busy_others(lambda point=point: SECTIONS[name].measure(point, context))
        record[name].append(point | {"others": others} | entry)
        record["machine"]["load_after"] = load_average()
        write_json(path, record)


def skip_gensim(versions):
    """Why gensim is skipped, as ``skipped`` has it; its version is added to `versions` where it is not."""
    try:
        versions["gensim"] = importlib.import_module("gensim").__version__
    except ImportError as error:
        return {"gensim": f"not installed ({error}): `pip install gensim` and run this again"}
    return {}


def describe_run(context, versions, machine, quick):
    """The JSON before anything is measured."""
    plan, (name, training, _, embeddings) = context.plan, context.sentences
    words, dimensions = embeddings.shape
    return {
        "format_version": FORMAT_VERSION,
        "benchmark": NAME,
        "date": datetime.date.today().isoformat(),
        "quick": quick,
        "finished": False,
        "versions": {"python": platform.python_version(), "numpy": np.__version__, **versions},
        "machine": machine,
        "data": {
            "name": name,
            "sentences": len(training.s),
            "tokens": len(training.x),
            "vocabulary": words,
            "dimensions": dimensions,
        },
        "settings": {
            "lr": LR,
            "clip_norm": CLIP_NORM,
            "beta1": BETA1,
            "beta2": BETA2,
            "epsilon": EPSILON,
            "batches": plan.batches,
            "repetitions": plan.repetitions,
            "agreement_steps": STEPS,
            "warm_batches": WARM,
            "tolerance": TOLERANCE,
            "threads": {OWN: list(THREADS), "PyTorch": list(THREADS), "JAX": "XLA's own choice", "gensim": 1},
        },
        "skipped": context.skipped,
        **{section: [] for section in SECTIONS},
    }


def continue_from(path, record, sections):
    """`record`, with what today's file already holds.

    Where that run was interrupted all of it is kept, else the sections that are not measured now.

    Raises
    ------
    UserError
        It was measured under other circumstances.
    """
    if not path.exists():
        return record
    previous = read_benchmark(path)
    load = {
        name: previous["machine"].pop(name)
        for name in ("load_before", "load_after")
        if name in previous["machine"]
    }
    if changed := [name for name in CIRCUMSTANCES if previous[name] != record[name]]:
        raise UserError(
            f"{path} was measured today under other circumstances ({', '.join(changed)} differ): move or "
            "delete it, then run this again"
        )
    kept = [name for name in SECTIONS if not previous["finished"] or name not in sections]
    if kept and any(previous[name] for name in kept):
        print(f"{sum(len(previous[name]) for name in kept)} points measured earlier today are kept.")
    record["machine"] |= load
    return record | {name: previous[name] for name in kept}


def read_benchmark(path):
    """The JSON of a benchmark; UserError where the file is none."""
    record = read_json(path)
    if not isinstance(record, dict) or record.get("benchmark") != NAME:
        raise UserError(f"{path} is no result of this benchmark: give one that scripts/benchmark.py wrote")
    check_version(path, record, "measure again")
    record.setdefault("products", [])  # a section younger than the format
    missing = {*CIRCUMSTANCES, *SECTIONS, "finished", "skipped"} - record.keys()
    if missing:
        raise UserError(f"{path} is damaged (it has no {min(missing)}): delete it and measure again")
    return record


def parse_size(text):
    """H and batch size of a text such as 64x32."""
    if not re.fullmatch(r"[1-9]\d{0,4}x[1-9]\d{0,4}", text):
        raise UserError(f"--sizes {text} is no size: give units x sentences a batch, such as 64x32")
    H, B = map(int, text.split("x"))
    return H, B


def main(arguments=None):
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Speed and memory, beside PyTorch, JAX and gensim.")
    parser.add_argument(
        "--quick", action="store_true", help="H = 64, batch 64 alone, smaller files, less often"
    )
    parser.add_argument("--only", nargs="+", metavar="SECTION", help=f"among {', '.join(SECTIONS)}")
    parser.add_argument("--sizes", nargs="+", metavar="HxB", help="of training and inference, such as 64x32")
    parser.add_argument("--repetitions", type=int, help="whose medians are compared")
    parser.add_argument("--show", metavar="FILE", help="print the tables of a JSON, measure nothing")
    given = parser.parse_args(arguments)
    if given.show:
        print(tables(read_benchmark(Path(given.show))))
        return
    if unknown := set(given.only or ()) - SECTIONS.keys():
        raise UserError(f"--only {min(unknown)} is no section: choose among {', '.join(SECTIONS)}")
    if given.repetitions is not None and given.repetitions < 1:
        raise UserError(f"--repetitions {given.repetitions} is too few: give a whole number, 1 or more")
    plan = QUICK if given.quick else FULL
    plan = plan._replace(repetitions=given.repetitions or plan.repetitions)
    if given.sizes:
        plan = plan._replace(sizes=[parse_size(size) for size in given.sizes])
    sections = [name for name in SECTIONS if name in (given.only or SECTIONS)]
    if "glove" in sections:
        gigabytes = max(plan.glove) * LINE / 1e9
        print(f"Section glove takes {gigabytes:.1f} GB of {tempfile.gettempdir()}, and gives them back.")
    benchmark(plan, sections, quick=given.quick)


if __name__ == "__main__":
    errors_in_one_line()
    main()
