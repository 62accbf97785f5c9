"""Speed of training and inference next to PyTorch and JAX, on a CPU.

Run it::

    python scripts/benchmark.py            everything
    python scripts/benchmark.py --quick    H = 64 and batch 64 only, fewer repetitions: some minutes

A library that is not installed is skipped. A run writes ``assets/benchmarks/<date>-<time>.json`` after each
point. Git ignores it; named ``<date>.json`` it can be committed. It holds ``circumstances``, a list of lines,
and for each section that was measured a list of entries: see scripts/benchmarks/training.py.
"""

import argparse
import datetime
import os
import platform
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

STEERING = ("OPENBLAS_", "OMP_", "MKL_", "XLA_")  # such environment variables change a library's speed


def benchmark(quick=False):
    """Measure both sections, write the JSON after each point, print the tables, and return the JSON."""
    repetitions = 3 if quick else 5
    record = {"circumstances": circumstances(repetitions)}
    print(*record["circumstances"], sep="\n")
    started = datetime.datetime.now().strftime("%Y-%m-%d-%H%M%S")
    path = assets_path("benchmarks", f"{started}.json")
    write_json(path, record)
    for section in training.CAPTIONS:
        record[section] = []
        for point in progress_bar(training.points(quick), section, unit="point", leave=False):
            try:
                entry = training.measure(point, repetitions, section)
            except KeyboardInterrupt:
                raise UserError(f"interrupted: {path} holds the points that were measured") from None
            record[section].append(point | entry)
            write_json(path, record)
        print("", *training.tables(record[section], section), sep="\n\n")
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


def main(arguments=None):
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Speed, next to PyTorch and JAX.")
    parser.add_argument("--quick", action="store_true", help="H = 64 and batch 64 only, fewer repetitions")
    benchmark(parser.parse_args(arguments).quick)


if __name__ == "__main__":
    errors_in_one_line()
    main()
