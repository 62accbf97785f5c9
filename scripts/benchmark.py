"""Speed of training next to PyTorch and JAX, on a CPU.

Run it::

    python scripts/benchmark.py                          all sizes
    python scripts/benchmark.py --quick                  H = 64, batch 64: some minutes
    python scripts/benchmark.py --sizes 64x64 128x64

A library that is not installed is skipped. A run writes ``assets/benchmarks/<date>-<time>.json`` after each
point, which git ignores. It has ``circumstances``, a list of lines, and ``training``, a list of entries,
which scripts/benchmarks/training.py describes.
"""

import argparse
import datetime
import os
import platform
import re
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.benchmarks import training
from scripts.benchmarks.peers import find_libraries
from scripts.files.errors import UserError, errors_in_one_line
from scripts.files.paths import assets_path
from scripts.files.progress import progress_bar
from scripts.files.storage import write_json
from scripts.training.experiment import numpy_blas
from scripts.training.workers import usable_cores

STEERING = ("OPENBLAS_", "OMP_", "MKL_", "XLA_")  # environment variables that change the speed of a library


def benchmark(quick=False, sizes=None, repetitions=None):
    """Measure training, write the JSON after each point, print the table, and return the JSON.

    `sizes` is a list of (H, batch size). There are 5 repetitions by default, 3 in a quick run.
    """
    repetitions = repetitions or (3 if quick else 5)
    record = {"circumstances": circumstances(repetitions), "training": []}
    print(*record["circumstances"], sep="\n")
    started = datetime.datetime.now().strftime("%Y-%m-%d-%H%M%S")
    path = assets_path("benchmarks", f"{started}.json")
    write_json(path, record)
    bar = progress_bar(training.points(quick, sizes), "training", unit="point", leave=False)
    for point in bar:
        bar.set_postfix_str(", ".join(f"{key} {value}" for key, value in point.items()))
        try:
            entry = training.measure(point, repetitions)
        except KeyboardInterrupt:
            raise UserError(f"interrupted: {path} holds the points that were measured") from None
        record["training"].append(point | entry)
        write_json(path, record)
    print("", *training.tables(record["training"]), sep="\n\n")
    print(f"\nWritten to {path}.")
    return record


def circumstances(repetitions):
    """Describe the machine, the libraries and the measurement, in lines."""
    versions, skipped = find_libraries()
    versions = {"python": platform.python_version(), "numpy": np.__version__, **versions}
    lines = [
        f"{_cpu_name()}, {len(usable_cores()) or os.cpu_count()} cores; BLAS: {numpy_blas()}.",
        ", ".join(f"{library} {version}" for library, version in versions.items()) + ".",
        f"Made-up sentences, as many and as long as those of SST-2; medians of {repetitions} repetitions.",
    ]
    if hasattr(os, "getloadavg"):
        lines.append(f"Load average at the start: {os.getloadavg()[0]:.2f}.")
    lines += [f"{name}={os.environ[name]}" for name in sorted(os.environ) if name.startswith(STEERING)]
    return lines + [f"{library} is skipped, {why}." for library, why in skipped.items()]


def _cpu_name():
    cpuinfo = Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.exists() else ():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _size(text):
    if not re.fullmatch(r"[1-9]\d{0,4}x[1-9]\d{0,4}", text):
        raise argparse.ArgumentTypeError(
            f"{text} is no size: give units x sentences per batch, such as 64x32"
        )
    H, B = map(int, text.split("x"))
    return H, B


def main(arguments=None):
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Speed of training next to PyTorch and JAX.")
    parser.add_argument("--quick", action="store_true", help="H = 64 and batch 64 only")
    sizes = "units x sentences per batch, such as 64x32"
    parser.add_argument("--sizes", nargs="+", type=_size, metavar="HxB", help=sizes)
    chosen = parser.parse_args(arguments)
    benchmark(chosen.quick, chosen.sizes)


if __name__ == "__main__":
    errors_in_one_line()
    main()
