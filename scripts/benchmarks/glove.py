"""Section "glove": time and memory of reading a GloVe file, next to gensim.

A made-up file of 100 values per line is written to the folder for temporary files, and removed. Our reader is
asked for as many words as SST-2 has; gensim's reads all. An entry of the JSON is

    lines, timed (false: only memory is measured), bytes, words (asked for)
    results     a list of {library, refused, first_seconds, seconds}
    memory      the most bytes that our reader held
"""

import importlib
import tempfile
import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np

from scripts.benchmarks.peers import OWN, find_libraries
from scripts.benchmarks.sentences import SST2_WORDS
from scripts.benchmarks.turns import compare, refusals, seconds
from scripts.files.numbers import table
from scripts.text.glove import read_glove, write_glove

CAPTION = (
    "A made-up GloVe file, 100 values per line, in the system's cache. Ours is asked for some of the words; "
    "gensim reads all. Memory is the most that our reader held, in addition to Python and its libraries."
)


def points(quick, sizes=None):
    """Return two files: a short one that is timed, and a long one for memory alone."""
    short, long = (20_000, 100_000) if quick else (200_000, 1_300_000)
    return [{"lines": short, "timed": True}, {"lines": long, "timed": False}]


def measure(point, repetitions, section):
    """Return an entry of the JSON without its point; see the docstring of this file."""
    rng = np.random.default_rng(0)
    vocabulary = [f"word{k}" for k in range(point["lines"])]
    words = rng.choice(vocabulary, min(SST2_WORDS, len(vocabulary)), replace=False).tolist()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.txt"
        write_glove(path, vocabulary, (0.4 * rng.standard_normal(100) for _ in vocabulary))
        results = compare_readers(path, words, repetitions) if point["timed"] else []
        size = path.stat().st_size
        return {"bytes": size, "words": len(words), "results": results, "memory": peak_memory(path, words)}


def peak_memory(path, words):
    """Return the most bytes that our reader holds, its result included, as Python counts them."""
    tracemalloc.start()
    read_glove(path, words)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def _read_gensim(path, words):
    vectors = importlib.import_module("gensim.models").KeyedVectors
    return vectors.load_word2vec_format(str(path), binary=False, no_header=True)[words]


READERS = {OWN: lambda path, words: read_glove(path, words).values, "gensim": _read_gensim}


def compare_readers(path, words, repetitions):
    """Time our reader and gensim's in turns: the ``results`` of an entry."""
    _, skipped = find_libraries()
    contenders = [
        ({"library": library}, partial(read, path, words), partial(seconds, read, path, words))
        for library, read in READERS.items()
        if library not in skipped
    ]
    return compare(contenders, repetitions, "its vectors")


def tables(entries, section):
    """Return the section's paragraphs in Markdown."""
    rows = []
    for entry in entries:
        timed = {result["library"]: result.get("seconds") for result in entry["results"]}
        own, gensim = timed.get(OWN), timed.get("gensim")
        row = [f"{entry['lines']:,}", f"{entry['bytes'] / 1e6:.0f}", f"{entry['words']:,}"]
        row += [f"{each:.2f}" if each else "–" for each in (own, gensim)]
        row += [f"{own / gensim:.3f}" if own and gensim else "–", f"{entry['memory'] / 1e6:.1f}"]
        rows.append(row)
    heads = ["GloVe: lines", "MB", "words asked for", "own, s", "gensim, s", "own ÷ gensim", "own memory, MB"]
    return [CAPTION, table(rows, heads), *refusals(entries, ["lines"])]
