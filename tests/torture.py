"""Kill trainings, comparisons and preprocessings, damage files, mix blocks, and count what is lost.

    python tests/torture.py --kills 200     of each, at random moments, half of them while a file is written
    python tests/torture.py --fuzz 10000    damaged files of every kind, made by Hypothesis: tests/fuzz.py
    python tests/torture.py --orders 10     all blocks of main.py in random orders, in small

The tests do a few of each. It ends with 1 where anything was lost.
"""

import argparse
import contextlib
import itertools
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import main
from scripts import preprocessing
from scripts.files.data import load_data
from scripts.files.errors import UserError
from scripts.files.paths import log_path, rooted, weights_path
from scripts.files.runs import existing_runs, load_run, read_log
from scripts.training import experiment
from scripts.training.workers import usable_cores
from tests.blocks import blocks, in_small, run_block
from tests.fuzz import fuzz
from tests.helpers import log_without_timings, members_without_timings, silence, write_data, write_sources

RUN = {"epochs": 6, "hidden_size": 8, "batch_size": 16, "lr": 0.01, "schedule": "cosine"}
SEEDS = (0, 1)  # of two preprocessings, in turns
NAMES = (None, "second")  # of the datasets that they write
WORKERS = min(2, len(usable_cores()) or 1)
METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


# Kills ----------------------------------------------------------------------------------------------------


def train(folder, ready):
    """In a process of its own: train a run, or continue it."""
    with rooted(folder), silence():
        ready.send(True)
        experiment.run("lstm", "a-run", progress=False, **RUN)


def compare(folder, ready):
    """In a process of its own: train two runs of two processes each, or continue them."""
    with rooted(folder), silence():
        ready.send(True)
        main.compare(("rnn", "lstm"), seeds=1, jobs=1, workers=WORKERS, progress=False, **RUN)


def preprocess(folder, ready):
    """In a process of its own: preprocess again and again, two ways in turns, into data/ and data/second/."""
    with rooted(folder), silence():
        ready.send(True)
        for seed in itertools.cycle(SEEDS):
            for name in NAMES:
                preprocess_once(folder, seed, name)


def preprocess_once(folder, seed, name):
    """Preprocess the sentences and vectors that :func:`tests.helpers.write_sources` wrote."""
    return preprocessing.preprocess(f"{folder}/rows.jsonl", f"{folder}/vectors.txt", seed=seed, name=name)


def kill_at_random(work, folder, longest, rng):
    """Start a process and kill it; in half of the cases when a file begins to be written, or a little later.

    Returns
    -------
    bool
        Whether it was still running.
    """
    context = multiprocessing.get_context(METHOD)
    if METHOD == "forkserver":
        context.set_forkserver_preload(["tests.torture", "datasets"])
    ready, sender = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(str(folder), sender))
    process.start()
    sender.close()
    with contextlib.suppress(EOFError):
        ready.recv()
    known, writing = parts(folder), rng.random() < 0.5
    until = time.monotonic() + (2 * longest if writing else rng.uniform(0, longest))
    while process.is_alive() and time.monotonic() < until:
        if writing and parts(folder) - known:
            until, writing = time.monotonic() + rng.uniform(0, rng.choice([0.002, 0.02, 0.1])), False
        time.sleep(0.0002)
    alive = process.is_alive()
    process.kill()
    process.join()
    return alive


def parts(folder):
    """Files that are being written, or were when a process was killed."""
    return {path for kind in ("assets", "data") for path in (Path(folder) / kind).rglob(".*.part")}


def kill_trainings(kills, folder, seed=0):
    """Kill trainings and start them again until they end; compare them with one that was never killed.

    Parameters
    ----------
    kills : int
    folder : str or pathlib.Path
        Empty.
    seed : int

    Returns
    -------
    Counter
        ``kills``, ``while writing``, ``runs finished``, ``files lost``, ``runs that differ``.
    """
    counts, rng = Counter({"files lost": 0, "runs that differ": 0}), random.Random(seed)
    with rooted(folder):
        write_data(sizes=(120, 60, 40))
        started = time.monotonic()
        with silence():
            experiment.run("lstm", "a-run", progress=False, **RUN)
        longest = 1.2 * (time.monotonic() - started)
        expected, epochs = content_of_run(), 0
        remove_run()
        while counts["kills"] < kills:
            before = parts(folder)
            killed = kill_at_random(train, folder, longest, rng)
            counts["kills"] += killed
            counts["while writing"] += killed and bool(parts(folder) - before)
            found = epochs_of_run()
            counts["files lost"] += found < epochs
            epochs = max(found, 0)
            if not killed:
                counts["runs finished"] += 1
                counts["runs that differ"] += content_of_run() != expected
                remove_run()
                epochs = 0
    return counts


def epochs_of_run(run_id="a-run"):
    """How many epochs the run has; -1 where one of its files is damaged."""
    try:
        if log_path(run_id).exists():
            read_log(run_id)
        return len(load_run(run_id).history) if weights_path(run_id).exists() else 0
    except UserError as error:
        print(error)
        return -1


def content_of_run(run_id="a-run"):
    """Content that equal runs share: arrays of the weights file and lines of the log, without timings."""
    return members_without_timings(run_id), json.dumps(log_without_timings(run_id))


def remove_run(run_id="a-run"):
    """Remove the files of the run, so that it begins again."""
    for path in (weights_path(run_id), log_path(run_id)):
        path.unlink(missing_ok=True)


def kill_preprocessings(kills, folder, seed=0):
    """Kill preprocessings; data/ then is whole, one or the other, or refused.

    Returns
    -------
    Counter
        ``kills``, ``while writing``, ``data whole``, ``data refused``, ``data mixed``.
    """
    counts, rng = Counter({"data refused": 0, "data mixed": 0}), random.Random(seed)
    with rooted(folder):
        write_sources(folder)
        with silence():
            started = time.monotonic()
            either = [preprocess_once(folder, seed, name) for seed in SEEDS for name in NAMES]
            longest = time.monotonic() - started
        while counts["kills"] < kills:
            before = parts(folder)
            counts["kills"] += kill_at_random(preprocess, folder, longest, rng)
            counts["while writing"] += bool(parts(folder) - before)
            for name in NAMES:
                try:
                    counts["data whole" if load_data(name).manifest in either else "data mixed"] += 1
                except UserError:
                    counts["data refused"] += 1
    return counts


def kill_comparisons(kills, folder, seed=0):
    """Kill comparisons and call them again until they end; compare their runs with those never killed.

    Returns
    -------
    Counter
        ``kills``, ``comparisons finished``, ``runs lost``, ``runs that differ``.
    """
    counts, rng = Counter({"runs lost": 0, "runs that differ": 0}), random.Random(seed)
    with rooted(folder):
        write_data(sizes=(120, 60, 40))
        started, (_ready, sender) = time.monotonic(), multiprocessing.Pipe()
        compare(folder, sender)
        longest = 1.2 * (time.monotonic() - started)
        expected, trained = {run_id: content_of_run(run_id) for run_id in existing_runs()}, Counter()
        for run_id in expected:
            remove_run(run_id)
        while counts["kills"] < kills:
            killed = kill_at_random(compare, folder, longest, rng)
            counts["kills"] += killed
            for run_id in expected:
                found = epochs_of_run(run_id)
                counts["runs lost"] += found < trained[run_id]
                trained[run_id] = max(found, 0)
            if not killed:
                counts["comparisons finished"] += 1
                for run_id, content in expected.items():
                    counts["runs that differ"] += content_of_run(run_id) != content
                    remove_run(run_id)
                trained.clear()
    return counts


# Blocks of main.py ----------------------------------------------------------------------------------------


def mix_blocks(orders, folder, seed=0):
    """Run all blocks of main.py in random orders, each in an empty project with data.

    A block may say in one line which other it needs; it is tried again after the others.

    Returns
    -------
    Counter
        ``orders``, ``blocks put off``, ``blocks that never ran``.
    """
    counts, (_, every) = Counter({"blocks that never ran": 0}), blocks()
    for number in range(orders):
        waiting = random.Random(seed + number).sample(every, len(every))
        with rooted(Path(folder) / str(number)), in_small(), silence():
            write_data()
            while waiting:
                put_off = []
                for block in waiting:
                    try:
                        run_block(block)
                    except UserError as error:
                        put_off.append((block, error))
                if len(put_off) == len(waiting):
                    counts["blocks that never ran"] += len(put_off)
                    sys.__stdout__.write("".join(f"seed {seed + number}: {error}\n" for _, error in put_off))
                    break
                counts["blocks put off"] += len(put_off)
                waiting = [block for block, _ in put_off]
        counts["orders"] += 1
    return counts


# Command line ---------------------------------------------------------------------------------------------


def limit_memory(gigabytes=2):
    """Let this process have only so much memory more, where the system can: a claim of more is then met."""
    with contextlib.suppress(ImportError, OSError):
        import resource

        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + gigabytes * 2**30, resource.RLIM_INFINITY))


def run_from_command_line(arguments=None):
    """Read the command line, torture, and print what came of it."""
    parser = argparse.ArgumentParser(description="Kill processes, damage files, mix blocks.")
    parser.add_argument("--kills", type=int, default=0, help="of trainings, comparisons, preprocessings")
    parser.add_argument("--fuzz", type=int, default=0, help="cases")
    parser.add_argument("--orders", type=int, default=0, help="of the blocks of main.py")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    os.environ["PYTHONWARNINGS"] = "ignore"  # of what killed processes could not give back
    bad = 0
    if options.kills:
        for kill, ill in (
            (kill_trainings, ("files lost", "runs that differ")),
            (kill_comparisons, ("runs lost", "runs that differ")),
            (kill_preprocessings, ("data mixed",)),
        ):
            with tempfile.TemporaryDirectory() as folder:
                counts = kill(options.kills, folder, options.seed)
            print(f"{kill.__name__}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
            bad += sum(counts[name] for name in ill)
    if options.orders:
        with tempfile.TemporaryDirectory() as folder:
            counts = mix_blocks(options.orders, folder, options.seed)
        print("mix_blocks: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
        bad += counts["blocks that never ran"]
    if options.fuzz:
        limit_memory()
        with tempfile.TemporaryDirectory() as folder:
            counts = fuzz(options.fuzz, folder, options.seed)
        for kind in dict.fromkeys(kind for kind, _ in counts):
            print(f"{kind:20} {counts[kind, 'refused']:6} refused in one line, {counts[kind, 'read']:6} read")
        print(f"{sum(counts.values())} cases, other errors: 0")  # the first would have ended it
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(run_from_command_line())
