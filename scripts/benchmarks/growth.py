"""Section "growth": how time and memory of training grow with the sentences, their length and the units.

Each point trains on made-up sentences in a process of its own: this file, run as a script. An entry of the
JSON is

    model, sentences, T (null: lengths as in SST-2), hidden_size, batches (timed)
    tokens          timed
    seconds         one per repetition; seconds_a_token: their median, by token
    cut_seconds     shuffling all sentences and cutting them into batches
    memory          anonymous bytes {before data/ was opened, loaded, cut: once an epoch's batches were,
                    trained: at the end, peak: the most from first to last}; null where it can't be told
"""

import json
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np

from scripts.benchmarks.machine import anonymous_memory, megabytes, run_child
from scripts.benchmarks.peers import Own
from scripts.benchmarks.sentences import draw_data, draw_split
from scripts.benchmarks.training import plain_model
from scripts.benchmarks.turns import seconds
from scripts.files.data import load_data, save_data
from scripts.files.errors import errors_in_one_line
from scripts.files.numbers import table
from scripts.files.paths import rooted
from scripts.text.batches import shuffled_batches
from scripts.training.experiment import LOOPS

BATCH_SIZE, WARM = 64, 5  # batches before the clock starts
CAPTION = (
    "Growth: training, batch 64, each row in a process of its own. Memory is anonymous memory, in addition "
    "to what Python and its libraries had taken; the last column is the most that the process held."
)


def points(quick, sizes=None):
    """Return points of both models: N, T and H vary in turn, while the other two stay."""
    numbers = [10_000, 100_000] if quick else [10_000, 100_000, 1_000_000]
    lengths = [10, 50] if quick else [10, 50, 250]
    units = [32] if quick else [32, 128, 256, 512]
    varied = [(N, None, 64) for N in numbers]
    varied += [(numbers[0], T, 64) for T in lengths]
    varied += [(numbers[0], None, H) for H in units]
    rest = {"batches": 100 if quick else 200}
    sizes = [{"sentences": N, "T": T, "hidden_size": H} for N, T, H in varied]
    return [{"model": kind, **size, **rest} for kind in LOOPS for size in sizes]


def measure(point, repetitions):
    """Return an entry of the JSON without its point; see the docstring of this file."""
    with tempfile.TemporaryDirectory() as folder:
        with rooted(Path(folder)):
            split = draw_split(point["sentences"], length=point["T"])
            save_data(draw_data(split, draw_split(100, seed=1)))
        task = {"folder": folder, "repetitions": repetitions, **point}
        entry, peak = run_child("scripts.benchmarks.growth", **task)
    entry["memory"]["peak"] = peak
    return entry


def _child(folder, repetitions, model, hidden_size, batches, **_):
    """Open data/, cut an epoch and train some of its batches, in a process of its own."""
    memory = {"before": anonymous_memory()}
    with rooted(Path(folder)):
        data = load_data()
    memory["loaded"] = anonymous_memory()
    own = Own(model, plain_model(model, hidden_size, data.embeddings))
    split, epochs = data.splits["train"], []
    rng = np.random.default_rng(0)
    cut_seconds = seconds(lambda: epochs.append(shuffled_batches(split, BATCH_SIZE, rng)))
    memory["cut"] = anonymous_memory()
    (epoch,) = epochs
    epoch.rows = typical(epoch.rows, split.s, batches)
    tokens = int(sum(split.s[rows].sum() for rows in epoch.rows))
    with own.running():
        own.train(list(epoch)[:WARM])
        timed = [seconds(own.train, epoch) for _ in range(repetitions)]
    memory["trained"] = anonymous_memory()
    found = {"tokens": tokens, "seconds": timed, "seconds_a_token": median(timed) / tokens}
    return found | {"cut_seconds": cut_seconds, "memory": memory}


def typical(rows, lengths, count):
    """Choose batches evenly from those of the shortest sentences to those of the longest."""
    by_length = sorted(rows, key=lambda batch: lengths[batch[0]])
    return [by_length[k] for k in np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]


def tables(entries):
    """Return the section's paragraphs in Markdown."""
    rows = []
    for entry in entries:
        row = [entry["model"].upper(), f"{entry['sentences']:,}", entry["T"] or "as SST-2"]
        row += [entry["hidden_size"], f"{entry['seconds_a_token'] * 1e6:.2f}", f"{entry['cut_seconds']:.3f}"]
        rows.append(row + [megabytes(entry["memory"], when) for when in ("loaded", "cut", "peak")])
    heads = ["growth: model", "sentences", "T", "H", "µs per token", "cutting an epoch, s"]
    return [CAPTION, table(rows, [*heads, "data loaded, MB", "epoch cut, MB", "peak, MB"])]


if __name__ == "__main__":
    errors_in_one_line()
    print("\n" + json.dumps(_child(**json.loads(sys.argv[1]))))
