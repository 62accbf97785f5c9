"""Sections "growth" and "glove" of the benchmark: how time and memory grow with the data.

Memory is measured in a process of its own a point: this file, run as a script with a point as JSON, does the
work and prints what it saw. Counted is anonymous memory, behind which no file stands: what is mapped from
data/ the system can take back whenever it needs the room.
"""

import contextlib
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.benchmarks.machine import anonymous_memory, run_child
from scripts.benchmarks.peers import OWN, Own
from scripts.benchmarks.training import SST2_WORDS, TOLERANCE, draw_embeddings, draw_split
from scripts.files import paths
from scripts.files.data import RESERVED, Data, load_data, save_data
from scripts.files.errors import UserError, errors_in_one_line
from scripts.files.storage import write_text
from scripts.text.batches import shuffled_batches
from scripts.text.glove import read_glove
from scripts.training.experiment import build_model
from scripts.training.settings import check_settings

BATCH_SIZE = 64
WARM_UP = 5  # batches before the clock starts
LINE = 900  # bytes of a line of 100 values, about
PIECES, PIECE = 1000, 25  # a line's values are put together from ready-made pieces of 25
CHUNK = 10_000  # lines written at once


# Growth ---------------------------------------------------------------------------------------------------


def measure_growth(point, batches, repetitions):
    """Train in a process of its own, on made-up sentences: one entry of ``growth``, less its point.

    Parameters
    ----------
    point : dict
        ``model``, ``sentences``, ``T`` (None: lengths as in SST-2), ``hidden_size``.
    batches, repetitions : int
        How many batches are timed, and how often.

    Returns
    -------
    dict
        ``tokens`` timed, ``seconds`` (one a repetition), ``seconds_a_token`` (their median), ``cut_seconds``
        (shuffling all sentences and cutting them into batches), and ``memory``: anonymous bytes ``before``
        data/ was opened, when it was ``loaded``, when an epoch's batches were ``cut``, at the end
        (``trained``), and the ``peak`` from the first to the last. Memory is None where it can't be told.
    """
    split = draw_split(point["sentences"], length=point["T"])
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder), split)
        task = {"folder": folder, "kind": point["model"], "H": point["hidden_size"]}
        entry, peak = ask_child("train", batches=batches, repetitions=repetitions, **task)
    entry["memory"]["peak"] = peak
    return entry


def write_data(root, split):
    """Write a training split, and a few sentences as the other two, as data/ under `root`."""
    few = draw_split(100, seed=1)
    words = [*RESERVED, *(f"word{k}" for k in range(2, SST2_WORDS))]
    embeddings = draw_embeddings(SST2_WORDS)
    manifest = {
        "dataset": {"name": "made-up"},
        "embeddings": {"name": "random", "dimensions": embeddings.shape[1]},
        "max_length": None,
    }
    splits = {"train": split, "validation": few, "test": few}
    with project_at(root):
        save_data(Data(splits, words, embeddings, manifest))


@contextlib.contextmanager
def project_at(root):
    """A context in which data/ and assets/ stand in another folder."""
    before, paths.ROOT = paths.ROOT, root
    try:
        yield
    finally:
        paths.ROOT = before


def train_child(folder, kind, H, batches, repetitions):
    """In a process of its own: open data/, cut an epoch, train some of its batches."""
    memory = {"before": anonymous_memory()}
    with project_at(Path(folder)):
        data = load_data()
    memory["loaded"] = anonymous_memory()
    settings = check_settings(kind, {"hidden_size": H, "input_dropout": 0.0, "state_dropout": 0.0})
    own = Own(kind, build_model(kind, settings, data.embeddings))
    started = time.perf_counter()
    epoch = shuffled_batches(data.splits["train"], BATCH_SIZE, np.random.default_rng(0))
    cut_seconds = time.perf_counter() - started
    memory["cut"] = anonymous_memory()
    epoch.rows = typical(epoch.rows, data.splits["train"].s, batches)
    tokens = int(sum(data.splits["train"].s[rows].sum() for rows in epoch.rows))
    with own.running():
        own.train(list(epoch)[:WARM_UP])
        seconds = [timed(own.train, epoch) for _ in range(repetitions)]
    memory["trained"] = anonymous_memory()
    return {
        "tokens": tokens,
        "seconds": seconds,
        "seconds_a_token": median(seconds) / tokens,
        "cut_seconds": cut_seconds,
        "memory": memory,
    }


def timed(act, *arguments):
    """Seconds that a call takes."""
    started = time.perf_counter()
    act(*arguments)
    return time.perf_counter() - started


def typical(rows, lengths, count):
    """Some full batches of an epoch, evenly from those of the shortest sentences to those of the longest."""
    full = sorted((batch for batch in rows if len(batch) == BATCH_SIZE), key=lambda batch: lengths[batch[0]])
    if not full:
        raise UserError(f"less than one batch of {BATCH_SIZE} sentences: let growth begin with more of them")
    return [full[k] for k in np.linspace(0, len(full) - 1, min(count, len(full))).astype(int)]


# A GloVe file ---------------------------------------------------------------------------------------------


def measure_glove(point, skipped, words, repetitions, clock=time.perf_counter):
    """Read a made-up GloVe file: one entry of ``glove``, less its point.

    Parameters
    ----------
    point : dict
        ``lines``; ``timed``: False for memory alone.
    skipped : collection of str
        Libraries that take no part.
    words : int
        How many of the file's words occur in the dataset, and are asked for.
    repetitions : int
    clock : callable

    Returns
    -------
    dict
        ``bytes`` of the file, ``words``; ``memory``: anonymous bytes ``before`` our reader began and at its
        ``peak``; ``results`` and ``ratios`` as those of a training size, empty where it is for memory alone.
    """
    with tempfile.TemporaryDirectory() as folder:
        check_room(folder, point["lines"])
        path, wanted = Path(folder) / "vectors.txt", Path(folder) / "words.txt"
        vocabulary = write_vectors(path, point["lines"])
        rng = np.random.default_rng(1)
        asked = [vocabulary[k] for k in rng.choice(len(vocabulary), min(words, len(vocabulary)), False)]
        entry = {"bytes": path.stat().st_size, "words": len(asked), "results": [], "ratios": {}}
        if point["timed"]:
            readers = {name: read for name, read in READERS.items() if name not in skipped}
            entry["results"] = compare_readers(readers, path, asked, repetitions, clock)
            own, *peers = (result for result in entry["results"] if not result["refused"])
            entry["ratios"] = {peer["library"]: own["median"] / peer["median"] for peer in peers}
        write_text(wanted, "\n".join(asked))
        memory, peak = ask_child("read", path=str(path), wanted=str(wanted))
    return entry | {"memory": memory | {"peak": peak}}


def check_room(folder, lines):
    """UserError where a temporary folder has no room for a file of so many lines."""
    free, needed = shutil.disk_usage(folder).free, 1.2 * LINE * lines
    if free < needed:
        raise UserError(
            f"a GloVe file of {lines:,} lines needs {needed / 1e9:.1f} GB in {tempfile.gettempdir()}, where "
            f"{free / 1e9:.1f} are free: set TMPDIR to a larger folder, or name other sections with --only"
        )


def write_vectors(path, lines, seed=0):
    """Write random words, each with 100 random values, in GloVe's text format.

    Parameters
    ----------
    path : pathlib.Path
    lines, seed : int

    Returns
    -------
    list of str
        The words, all different, in the file's order.
    """
    rng = np.random.default_rng(seed)
    words = draw_words(lines, rng)
    values = 0.4 * rng.standard_normal((4, PIECES, PIECE))
    pieces = [[" ".join(f"{value:.5g}" for value in piece) for piece in quarter] for quarter in values]
    with open(path, "w", encoding="utf-8") as file:
        for start in tqdm(range(0, lines, CHUNK), "GloVe file", unit_scale=CHUNK, unit="line", leave=False):
            chunk = words[start : start + CHUNK]
            places = rng.integers(0, PIECES, (len(chunk), 4)).tolist()
            file.writelines(
                f"{word} {pieces[0][a]} {pieces[1][b]} {pieces[2][c]} {pieces[3][d]}\n"
                for word, (a, b, c, d) in zip(chunk, places, strict=True)
            )
    return words


def draw_words(count, rng):
    """Different words of 5 to 10 random letters."""
    words = {}
    while len(words) < count:
        letters = rng.integers(ord("a"), ord("z") + 1, (count, 10), np.uint8)
        letters[np.arange(10) >= rng.integers(5, 11, count)[:, None]] = 0  # NumPy's bytes end there
        words |= dict.fromkeys(letters.view("S10")[:, 0].tolist())
    return [word.decode() for word in list(words)[:count]]


def read_own(path, words):
    """Our reader, asked for the words that occur: their vectors, in their order."""
    return read_glove(path, words).values


def read_gensim(path, words):
    """gensim's reader, which reads all words: the vectors of some of them."""
    from gensim.models import KeyedVectors

    return KeyedVectors.load_word2vec_format(str(path), binary=False, no_header=True)[words]


READERS = {OWN: read_own, "gensim": read_gensim}


def compare_readers(readers, path, words, repetitions, clock):
    """Time readers, the first of which is ours, in turns; one with other vectors than ours is refused."""
    results, reference = [], None
    for library, read in readers.items():
        vectors = read(path, words)  # also brings the file into the system's cache
        reference = vectors if reference is None else reference
        same = vectors.shape == reference.shape
        difference = float(abs(vectors - reference).max()) if same else float("inf")
        refused = None if difference <= TOLERANCE else f"its vectors differ from ours by {difference:.1e}"
        finite = difference if np.isfinite(difference) else None
        results.append({"library": library, "difference": finite, "refused": refused, "seconds": []})
    kept = [result for result in results if not result["refused"]]
    for _ in range(repetitions):
        for result in kept:
            started = clock()
            readers[result["library"]](path, words)
            result["seconds"].append(clock() - started)
    for result in kept:
        result["median"] = median(result["seconds"])
    return results


def read_child(path, wanted):
    """In a process of its own: read the vectors of some words."""
    words = Path(wanted).read_text(encoding="utf-8").split("\n")
    before = anonymous_memory()
    read_glove(Path(path), words)
    return {"before": before}


# Processes of their own -----------------------------------------------------------------------------------

CHILDREN = {"train": train_child, "read": read_child}


def ask_child(task, **arguments):
    """What a function of ``CHILDREN`` returns in a process of its own, and that process's peak memory."""
    output, peak = run_child(__file__, json.dumps({"task": task, **arguments}))
    return json.loads(output.splitlines()[-1]), peak


def main():
    """Do what the parent asks for."""
    arguments = json.loads(sys.argv[1])
    print("\n" + json.dumps(CHILDREN[arguments.pop("task")](**arguments)))


if __name__ == "__main__":
    errors_in_one_line()
    main()
