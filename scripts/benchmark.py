"""Speed and memory next to PyTorch, JAX and gensim, on a CPU.

Run it::

    python scripts/benchmark.py                          everything
    python scripts/benchmark.py --quick                  H = 64, batch 64, smaller files: some minutes
    python scripts/benchmark.py --only training glove    some sections
    python scripts/benchmark.py --only training --sizes 64x64 128x64
    python scripts/benchmark.py --show assets/benchmarks/2026-01-31.json     print the tables of a run again

A library that is not installed is skipped. Section glove needs 1.2 GB in the folder for temporary files.
A run writes ``assets/benchmarks/<date>-<time>.json`` after each point. Git ignores it; named ``<date>.json``
it can be committed. It holds

    format_version, benchmark (its name), date, quick, finished, versions
    machine     {cpu, cores (that this process may use), blas, environment (variables that change a library's
                speed)}
    data        {name, sentences, tokens, vocabulary, dimensions}
    settings    {repetitions, tolerance: of losses, warm_batches: in each turn before the clock starts}
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

from scripts.benchmarks import glove, growth, inference, recording, training
from scripts.benchmarks.machine import busy_others, describe_machine
from scripts.benchmarks.peers import find_libraries
from scripts.benchmarks.sentences import load_or_draw
from scripts.benchmarks.training import WARM
from scripts.benchmarks.turns import TOLERANCE
from scripts.files.errors import UserError, errors_in_one_line
from scripts.files.paths import assets_path, check_version
from scripts.files.progress import progress_bar
from scripts.files.storage import read_json, write_json

NAME, FORMAT_VERSION = "speed and memory", 1
SECTIONS = {"training": training, "inference": inference, "recording": recording}
SECTIONS |= {"glove": glove, "growth": growth}


def benchmark(sections=tuple(SECTIONS), quick=False, sizes=None, repetitions=None):
    """Measure some sections, write the JSON after each point, print the tables, and return the JSON.

    `sizes` is a list of (H, batch size), for training and inference. By default there are 5 repetitions, 3 of
    a quick run.
    """
    repetitions = repetitions or (3 if quick else 5)
    record = _describe_run(quick, repetitions)
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
    record["finished"] = True
    write_json(path, record)
    print(tables(record), f"\nWritten to {path}.")
    return record


def _describe_run(quick, repetitions):
    """Return the JSON before any measurement."""
    machine = describe_machine()  # before other libraries bring their BLAS
    versions, skipped = find_libraries()
    data = load_or_draw()
    words, dimensions = data.embeddings.shape
    return {
        "format_version": FORMAT_VERSION,
        "benchmark": NAME,
        "date": datetime.date.today().isoformat(),
        "quick": quick,
        "finished": False,
        "versions": {"python": platform.python_version(), "numpy": np.__version__, **versions},
        "machine": machine,
        "data": {
            "name": data.manifest["dataset"]["name"],
            "sentences": len(data.splits["train"].s),
            "tokens": len(data.splits["train"].x),
            "vocabulary": words,
            "dimensions": dimensions,
        },
        "settings": {"repetitions": repetitions, "tolerance": TOLERANCE, "warm_batches": WARM},
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
        f"Medians of {record['settings']['repetitions']} repetitions.",
    ]
    if busy:
        lines.append(f"Other processes kept {min(busy):.2f} to {max(busy):.2f} cores busy meanwhile.")
    lines += [f"{name}={value}" for name, value in machine["environment"].items()]
    lines += [f"{library} is skipped, {why}." for library, why in record["skipped"].items()]
    if not record["finished"]:
        lines.append("This run was interrupted: only what had been measured is shown.")
    return "\n".join(lines)


def read_benchmark(path):
    """Read the JSON of a benchmark; raise UserError where it is another or a damaged file."""
    record = read_json(path)
    if not isinstance(record, dict) or record.get("benchmark") != NAME:
        raise UserError(f"{path} is no result of this benchmark: give one that scripts/benchmark.py wrote")
    check_version(path, record, "measure again", FORMAT_VERSION)
    if missing := {"versions", "machine", "data", "settings", "skipped", "finished"} - record.keys():
        raise UserError(f"{path} is damaged (it has no {min(missing)}): delete it and measure again")
    both = [entry for entry in record.get("training", ()) if "inference" in entry["results"][0]]
    return {"inference": both} | record  # until 2026-11-25 these two were one section


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
    parser.add_argument("--show", metavar="FILE", help="print the tables of a JSON, measure nothing")
    chosen = parser.parse_args(arguments)
    if chosen.show:
        print(tables(read_benchmark(Path(chosen.show))))
        return
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
