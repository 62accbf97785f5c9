"""Speed and memory next to PyTorch, JAX and gensim, on a CPU.

Run it::

    python scripts/benchmark.py                          everything
    python scripts/benchmark.py --quick                  H = 64, batch 64, smaller files: some minutes
    python scripts/benchmark.py --only training glove    some sections
    python scripts/benchmark.py --only training --sizes 64x64 128x64

A library that is not installed is skipped. Section glove needs 1.2 GB in the folder for temporary files.
A run writes ``assets/benchmarks/<date>-<time>.json`` after each point. Git ignores it; named ``<date>.json``
it can be committed. It holds

    versions, repetitions
    machine     {cpu, cores (that this process may use), blas, environment (variables that change a library's
                speed)}
    data        {name, sentences, dimensions}
    skipped     {library: why it took no part}

and for each section that was measured a list of entries, which its file in scripts/benchmarks/ describes; all
have ``others``, the cores that other processes kept busy meanwhile, on average, or null. A section's file has
``points(quick, sizes)``, ``measure(point, repetitions)`` and ``tables(entries)``.
"""

import argparse
import datetime
import platform
import re
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.benchmarks import glove, inference, training
from scripts.benchmarks.machine import busy_others, describe_machine
from scripts.benchmarks.peers import find_libraries
from scripts.benchmarks.sentences import load_or_draw
from scripts.files.errors import UserError, errors_in_one_line
from scripts.files.paths import assets_path
from scripts.files.progress import progress_bar
from scripts.files.storage import write_json

SECTIONS = {"training": training, "inference": inference, "glove": glove}


def benchmark(sections=tuple(SECTIONS), quick=False, sizes=None, repetitions=None):
    """Measure some sections, write the JSON after each point, print the tables, and return the JSON.

    `sizes` is a list of (H, batch size), for training and inference. By default there are 5 repetitions, 3 of
    a quick run.
    """
    repetitions = repetitions or (3 if quick else 5)
    record = _describe_run(repetitions)
    for library, why in record["skipped"].items():
        print(f"{library} is skipped, {why}.")
    started = datetime.datetime.now().strftime("%Y-%m-%d-%H%M%S")
    path = assets_path("benchmarks", f"{started}.json")
    write_json(path, record)
    for name in sections:
        record[name] = []
        for point in (
            bar := progress_bar(SECTIONS[name].points(quick, sizes), name, unit="point", leave=False)
        ):
            bar.set_postfix_str(", ".join(f"{key} {value}" for key, value in point.items()))
            try:
                entry, others = busy_others(SECTIONS[name].measure, point, repetitions)
            except KeyboardInterrupt:
                raise UserError(f"interrupted: {path} holds the points that were measured") from None
            record[name].append(point | {"others": others} | entry)
            write_json(path, record)
    print(tables(record), f"\nWritten to {path}.")
    return record


def _describe_run(repetitions):
    """Return the JSON before any measurement."""
    machine = describe_machine()  # before other libraries bring their BLAS
    versions, skipped = find_libraries()
    name, split, embeddings = load_or_draw()
    return {
        "versions": {"python": platform.python_version(), "numpy": np.__version__, **versions},
        "machine": machine,
        "data": {"name": name, "sentences": len(split.s), "dimensions": embeddings.shape[1]},
        "repetitions": repetitions,
        "skipped": skipped,
    }


def tables(record):
    """Return the circumstances of a run and the tables of its sections, in Markdown."""
    parts = [_circumstances(record)]
    for name, section in SECTIONS.items():
        if record.get(name):
            parts += section.tables(record[name])
    return "\n\n".join(parts)


def _circumstances(record):
    machine, data = record["machine"], record["data"]
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    blas = ", ".join("{library} {version} ({architecture})".format(**each) for each in machine["blas"])
    entries = [entry for name in SECTIONS for entry in record.get(name, [])]
    busy = [entry["others"] for entry in entries if entry["others"] is not None]
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores; BLAS: {blas or 'unknown'}; {versions}.",
        f"{data['name']}: {data['sentences']:,} sentences, D = {data['dimensions']}. "
        f"Medians of {record['repetitions']} repetitions.",
    ]
    if busy:
        lines.append(f"Other processes kept {min(busy):.2f} to {max(busy):.2f} cores busy meanwhile.")
    lines += [f"{name}={value}" for name, value in machine["environment"].items()]
    lines += [f"{library} is skipped, {why}." for library, why in record["skipped"].items()]
    return "\n".join(lines)


def _parse_size(text):
    if not re.fullmatch(r"[1-9]\d{0,4}x[1-9]\d{0,4}", text):
        raise UserError(f"--sizes {text} is no size: give units x sentences per batch, such as 64x32")
    H, B = map(int, text.split("x"))
    return H, B


def main(arguments=None):
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Speed and memory, next to PyTorch, JAX and gensim.")
    parser.add_argument("--quick", action="store_true", help="H = 64 and batch 64 only, smaller files")
    parser.add_argument("--only", nargs="+", metavar="SECTION", help=f"among {', '.join(SECTIONS)}")
    parser.add_argument("--sizes", nargs="+", metavar="HxB", help="of training and inference, such as 64x32")
    parser.add_argument("--repetitions", type=int, help="whose medians are compared")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.only or ()) - SECTIONS.keys():
        raise UserError(f"--only {min(unknown)} is no section: choose among {', '.join(SECTIONS)}")
    if chosen.repetitions is not None and chosen.repetitions < 1:
        raise UserError(f"--repetitions {chosen.repetitions} is too few: give a whole number, 1 or more")
    sizes = [_parse_size(size) for size in chosen.sizes] if chosen.sizes else None
    sections = [name for name in SECTIONS if name in (chosen.only or SECTIONS)]
    benchmark(sections, chosen.quick, sizes, chosen.repetitions)


if __name__ == "__main__":
    errors_in_one_line()
    main()
