"""Section "glove": time and memory of reading a GloVe file, next to gensim.

A made-up file of 100 values per line is written to the folder for temporary files, and removed. Our reader is
asked for as many words as SST-2 has; gensim's reads all. Memory is measured in a process of its own: this
file, run as a script. An entry of the JSON is

    lines, timed (false: only memory is measured), bytes, words (asked for)
    results     a list of {library, difference, refused, seconds, median}
    memory      {before, peak}: anonymous bytes of the process before our reader began, and at the most
"""

import importlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from scripts.benchmarks.machine import anonymous_memory, megabytes, run_child
from scripts.benchmarks.peers import OWN, find_libraries
from scripts.benchmarks.sentences import SST2_WORDS
from scripts.benchmarks.turns import check_agreement, refusals, seconds, take_turns
from scripts.files.errors import UserError, errors_in_one_line
from scripts.files.numbers import table
from scripts.files.storage import write_text
from scripts.text.glove import read_glove

LINE = 900  # bytes of a line, about
PIECES = 1000  # a line's 100 values are put together from four of so many ready-made pieces
CAPTION = (
    "A made-up GloVe file, 100 values per line, in the system's cache. Ours is asked for some of the words; "
    "gensim reads all. Memory is anonymous memory: the most that our reader's process needed in addition to "
    "Python and its libraries."
)


def points(quick, sizes=None):
    """Return two files: a short one that is timed, and a long one for memory alone."""
    short, long = (20_000, 100_000) if quick else (200_000, 1_300_000)
    return [{"lines": short, "timed": True}, {"lines": long, "timed": False}]


def measure(point, repetitions):
    """Return an entry of the JSON without its point; see the docstring of this file."""
    with tempfile.TemporaryDirectory() as folder:
        check_room(folder, point["lines"])
        path, wanted = Path(folder) / "vectors.txt", Path(folder) / "words.txt"
        vocabulary = write_vectors(path, point["lines"])
        count = min(SST2_WORDS, len(vocabulary))
        words = [vocabulary[k] for k in np.random.default_rng(1).choice(len(vocabulary), count, False)]
        results = compare_readers(path, words, repetitions) if point["timed"] else []
        write_text(wanted, "\n".join(words))
        memory, peak = run_child("scripts.benchmarks.glove", path=str(path), wanted=str(wanted))
        size = path.stat().st_size
    return {"bytes": size, "words": count, "results": results, "memory": memory | {"peak": peak}}


def check_room(folder, lines):
    """Raise UserError where a temporary folder has no room for a file of so many lines."""
    free, needed = shutil.disk_usage(folder).free, 1.2 * LINE * lines
    if free < needed:
        room = f"{needed / 1e9:.1f} GB in {tempfile.gettempdir()}, where {free / 1e9:.1f} are free"
        remedy = "set TMPDIR to a larger folder, or name other sections with --only"
        raise UserError(f"a GloVe file of {lines:,} lines needs {room}: {remedy}")


def write_vectors(path, lines):
    """Write a GloVe file of different words in random order, 100 random values each; return the words."""
    rng = np.random.default_rng(0)
    words = [f"word{k}" for k in rng.permutation(lines)]
    values = 0.4 * rng.standard_normal((PIECES, 25))
    pieces = [" ".join(f"{value:.5g}" for value in piece) for piece in values]
    with open(path, "w", encoding="utf-8") as file:
        for word in words:
            a, b, c, d = rng.integers(0, PIECES, 4).tolist()
            file.write(f"{word} {pieces[a]} {pieces[b]} {pieces[c]} {pieces[d]}\n")
    return words


def _read_gensim(path, words):
    vectors = importlib.import_module("gensim.models").KeyedVectors
    return vectors.load_word2vec_format(str(path), binary=False, no_header=True)[words]


READERS = {OWN: lambda path, words: read_glove(path, words).values, "gensim": _read_gensim}


def compare_readers(path, words, repetitions):
    """Time our reader and gensim's in turns: the ``results`` of an entry."""
    results, acts, reference = {}, {}, None
    _, skipped = find_libraries()
    for library, read in READERS.items():
        if library not in skipped:
            vectors = read(path, words)  # also brings the file into the system's cache
            reference = vectors if reference is None else reference
            agreement = check_agreement(vectors, reference, "its vectors")
            results[library] = {"library": library} | agreement
            if not agreement["refused"]:
                acts[library] = lambda read=read: seconds(read, path, words)
    for library, timed in take_turns(acts, repetitions).items():
        results[library] |= timed
    return list(results.values())


def tables(entries):
    """Return the section's paragraphs in Markdown."""
    rows = []
    for entry in entries:
        medians = {result["library"]: result.get("median") for result in entry["results"]}
        own, gensim = medians.get(OWN), medians.get("gensim")
        row = [f"{entry['lines']:,}", f"{entry['bytes'] / 1e6:.0f}", f"{entry['words']:,}"]
        row += [f"{median:.2f}" if median else "–" for median in (own, gensim)]
        row += [f"{own / gensim:.3f}" if own and gensim else "–", megabytes(entry["memory"], "peak")]
        rows.append(row)
    heads = ["GloVe: lines", "MB", "words asked for", "own, s", "gensim, s", "own ÷ gensim", "own memory, MB"]
    return [CAPTION, table(rows, heads), *refusals(entries, ["lines"])]


def _child(path, wanted):
    """Read the vectors of some words, in a process of its own."""
    words, before = Path(wanted).read_text(encoding="utf-8").split("\n"), anonymous_memory()
    read_glove(Path(path), words)
    return {"before": before}


if __name__ == "__main__":
    errors_in_one_line()
    print("\n" + json.dumps(_child(**json.loads(sys.argv[1]))))
