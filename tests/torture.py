"""Kill trainings and preprocessings, damage files, and count what is lost.

    python tests/torture.py --kills 200     of each, at random moments, half of them while a file is written
    python tests/torture.py --fuzz 10000    damaged files of every kind, made by Hypothesis

The tests do a few of both. It ends with 1 where anything was lost.
"""

import argparse
import contextlib
import io
import itertools
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts import preprocessing
from scripts.files.data import ARRAYS, load_data
from scripts.files.errors import UserError
from scripts.files.paths import data_path, log_path, rooted, weights_path
from scripts.files.runs import load_run, read_log
from scripts.files.storage import checksum
from scripts.text import corpus, glove
from scripts.training import evaluation, experiment
from tests.helpers import WORDS, log_without_timings, members_without_timings, write_data

RUN = {"epochs": 6, "hidden_size": 8, "batch_size": 16, "lr": 0.01, "schedule": "cosine"}
SEEDS = (0, 1)  # of two preprocessings, in turns
ROWS = 300  # of the dataset that is preprocessed
METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


@contextlib.contextmanager
def silence():
    """A block that prints nothing, nor shows progress."""
    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


# Kills ----------------------------------------------------------------------------------------------------


def train(folder, ready):
    """In a process of its own: train a run, or continue it."""
    with rooted(folder), silence():
        ready.send(True)
        experiment.run("lstm", "a-run", progress=False, **RUN)


def preprocess(folder, ready):
    """In a process of its own: preprocess again and again, two ways in turns."""
    with rooted(folder), silence():
        ready.send(True)
        for seed in itertools.cycle(SEEDS):
            preprocess_once(folder, seed)


def preprocess_once(folder, seed):
    """Preprocess the sentences and vectors that :func:`write_sources` wrote."""
    return preprocessing.preprocess(f"{folder}/rows.jsonl", f"{folder}/vectors.txt", seed=seed)


def write_sources(folder):
    """Sentences and word vectors to preprocess."""
    rng = np.random.default_rng(0)
    with open(f"{folder}/rows.jsonl", "w") as file:
        for _ in range(ROWS):
            text = " ".join(rng.choice(WORDS[2:], rng.integers(3, 12)))
            file.write(json.dumps({"text": text, "label": int(rng.integers(2))}) + "\n")
    vectors = rng.standard_normal((len(WORDS) - 2, 20)).astype(np.float32)
    glove.write_glove(Path(folder) / "vectors.txt", WORDS[2:], vectors)


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
    return set(Path(folder).glob("assets/*/.*.part")) | set(Path(folder).glob("data/.*.part"))


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


def epochs_of_run():
    """How many epochs the run has; -1 where one of its files is damaged."""
    try:
        if log_path("a-run").exists():
            read_log("a-run")
        return len(load_run("a-run").history) if weights_path("a-run").exists() else 0
    except UserError as error:
        print(error)
        return -1


def content_of_run():
    """Content that equal runs share: arrays of the weights file and lines of the log, without timings."""
    return members_without_timings("a-run"), json.dumps(log_without_timings("a-run"))


def remove_run():
    """Remove the files of the run, so that it begins again."""
    for path in (weights_path("a-run"), log_path("a-run")):
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
            either = [preprocess_once(folder, seed) for seed in SEEDS]
            longest = time.monotonic() - started
        while counts["kills"] < kills:
            before = parts(folder)
            counts["kills"] += kill_at_random(preprocess, folder, longest, rng)
            counts["while writing"] += bool(parts(folder) - before)
            try:
                counts["data whole" if load_data().manifest in either else "data mixed"] += 1
            except UserError:
                counts["data refused"] += 1
    return counts


# Files from strangers -------------------------------------------------------------------------------------

NASTY = [
    *(
        b"",
        b"\0" * 8,
        b"\xff" * 4,
        b"-1",
        b"9" * 30,
        b"1e999",
        b"NaN",
        b"null",
        b"[]",
        b"{}",
        b"\n",
        b"../../x",
    ),
    *(
        b"(99999999999999,)",
        b"(-1, -1)",
        b"'|O'",
        b"'<U999999999'",
        b"'V0'",
        b"[" * 5000,
        b" " * 70,
        b"\x93NUMPY\3",
    ),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def damaged_bytes(draw, whole):
    """Some bytes with up to three pieces of them replaced, mostly near an end, where headers stand."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, 200) | st.integers(-400, -1) | st.integers(0, len(whole)))
        start = min(max(start % (len(content) + 1), 0), len(content))
        length = draw(st.integers(0, 30) | st.just(len(content)))
        content[start : start + length] = draw(st.sampled_from(NASTY) | st.binary(max_size=20))
    return bytes(content)


@st.composite
def damaged_json(draw, value):
    """A JSON value with one of its parts replaced or left out."""
    value = json.loads(json.dumps(value))
    node = value
    for _ in range(draw(st.integers(0, 5))):
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        if not isinstance(node[key], (dict, list)) or draw(st.integers(0, 3)) == 0:
            if draw(st.booleans()):
                node[key] = draw(JSON)
            else:
                del node[key]
            return value
        node = node[key]
    return draw(JSON) if draw(st.booleans()) else value


@st.composite
def damaged_archive(draw, whole):
    """An .npz file, a member of which is damaged, renamed, doubled or compressed: its checksums are right."""
    old = zipfile.ZipFile(io.BytesIO(whole))
    chosen = draw(st.sampled_from(old.namelist()))
    new = io.BytesIO()
    with zipfile.ZipFile(new, "w") as archive:
        for name in old.namelist():
            content, kind = old.read(name), zipfile.ZIP_STORED
            if name == chosen:
                what = draw(st.integers(0, 5))
                if what == 0:
                    continue
                if what == 1:
                    kind = draw(st.sampled_from([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
                elif what == 2:
                    name = draw(st.text(min_size=1, max_size=8) | st.just("../../x.npy"))
                elif what == 3 and name in ("settings.npy", "history.npy", "timings.npy"):
                    content = draw(damaged_text(content))
                elif what == 3:
                    content = draw(changed_array(content))
                else:
                    content = draw(damaged_bytes(content))
            archive.writestr(zipfile.ZipInfo(name), content, kind)
    return new.getvalue()


@st.composite
def damaged_text(draw, array):
    """An .npy file of one JSON text, a part of which is damaged: its header is right."""
    return npy(np.array(json.dumps(draw(damaged_json(json.loads(np.load(io.BytesIO(array)).item()))))))


@st.composite
def changed_array(draw, array):
    """An .npy file of an array of another shape, type or scale: its header is right."""
    change = draw(st.sampled_from(CHANGES))
    return npy(change(np.load(io.BytesIO(array)).astype(np.float64)))


CHANGES = [
    lambda array: array,  # float64
    lambda array: -array,
    lambda array: array * 1e300,
    lambda array: array + 0.5,
    lambda array: array.astype(np.int64),
    lambda array: array[..., None],
    lambda array: array.ravel()[None],
    lambda array: array.ravel(),
    lambda array: array.T,
]


def npy(array):
    """The bytes of an .npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@st.composite
def damaged_log(draw, whole):
    """Lines of JSON, one of which is damaged, doubled or left out."""
    lines = whole.splitlines()
    number = draw(st.integers(0, len(lines) - 1))
    what = draw(st.integers(0, 5))
    damaged = json.dumps(draw(damaged_json(json.loads(lines[number])))).encode()
    lines[number : number + 1] = [[], [lines[number]] * 2][what] if what < 2 else [damaged]
    return b"\n".join(lines) + b"\n"


class Strangers:
    """A small study in a folder, its files as they are, and a reader for each kind of file.

    Parameters
    ----------
    folder : str or pathlib.Path
        Empty.
    """

    def __init__(self, folder):
        self.folder, self.counts = Path(folder), Counter()
        with rooted(folder), silence():
            write_sources(folder)
            write_data(sizes=(30, 20, 20))
            for model in ("rnn", "lstm"):
                experiment.run(model, model, progress=False, epochs=1, hidden_size=4, batch_size=16)
            self.run, self.log = weights_path("lstm"), log_path("rnn")
            self.manifest = data_path("dataset.json")
        self.glove, self.rows = self.folder / "vectors.txt", self.folder / "rows.jsonl"
        self.table = self.folder / "rows.csv"
        rows = [json.loads(line) for line in self.rows.read_text().splitlines()[:30]]
        self.rows.write_text("".join(json.dumps(row) + "\n" for row in rows))
        self.table.write_text("text,label\n" + "".join(f"{row['text']},{row['label']}\n" for row in rows))
        self.whole = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}

    def read_run(self):
        """Read a run's weights as a test and as a continued training do."""
        run = load_run("lstm")
        experiment.find_previous("lstm", run.settings)
        evaluation.load_model("lstm")

    def readers(self):
        """Kind of file: the file, how it is damaged, and what reads it."""
        arrays = [data_path(name) for name in ARRAYS]
        manifest = json.loads(self.whole[self.manifest])
        read_the_log = lambda: read_log("rnn")  # noqa: E731
        text = lambda value: json.dumps(value).encode()  # noqa: E731
        words = WORDS[2:]
        return {
            "weights": (self.run, damaged_bytes, self.read_run),
            "members of weights": (self.run, damaged_archive, self.read_run),
            "log": (self.log, damaged_bytes, read_the_log),
            "lines of a log": (self.log, damaged_log, read_the_log),
            "dataset.json": (self.manifest, lambda _: damaged_json(manifest).map(text), load_data),
            "arrays": (arrays, damaged_bytes, load_data),
            "vocabulary": ([data_path("vocabulary.txt")], damaged_bytes, load_data),
            "embeddings": (self.glove, damaged_bytes, lambda: glove.read_glove(self.glove, words)),
            "jsonl": (self.rows, damaged_log, lambda: corpus.read_corpus(self.rows)),
            "csv": (self.table, damaged_bytes, lambda: corpus.read_corpus(self.table)),
        }

    def meet(self, draw, kind):
        """Damage a file of that kind, read it, and put it back as it was."""
        path, damaged, read = self.readers()[kind]
        if consistent := isinstance(path, list):  # with the checksum that dataset.json then has to state
            path = draw(st.sampled_from(path))
        try:
            path.write_bytes(draw(damaged(self.whole[path])))
            if consistent:
                manifest = json.loads(self.whole[self.manifest])
                manifest["files"][path.name] = checksum(path)
                self.manifest.write_text(json.dumps(manifest))
            try:
                read()
            except UserError as error:
                message = str(error)
                assert "\n" not in message
                named = path.name in message or repr(path.stem) in message or "data/" in message
                assert kind in SLOW or named, message
                self.counts[kind, "refused"] += 1
            else:
                self.counts[kind, "read"] += 1
        finally:
            for changed in (path, self.manifest):
                changed.write_bytes(self.whole[changed])


SLOW = ("jsonl", "csv")  # through the datasets library, a tenth of a second each


def fuzz(cases, folder, seed=None):
    """Read damaged files; only a UserError may come out, in one line that names the file.

    Parameters
    ----------
    cases : int
    folder : str or pathlib.Path
        Empty.
    seed : int, optional
        By default the cases are the same each time.

    Returns
    -------
    Counter
        By kind of file and by what came of it, "refused" or "read".
    """
    strangers = Strangers(folder)
    quick = [kind for kind in strangers.readers() if kind not in SLOW]

    @hypothesis.settings(
        max_examples=cases,
        derandomize=seed is None,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(st.data())
    def read_damaged(data):
        kinds = SLOW if data.draw(st.integers(0, 49)) == 49 else quick
        strangers.meet(data.draw, data.draw(st.sampled_from(kinds)))

    with rooted(folder), silence():
        (read_damaged if seed is None else hypothesis.seed(seed)(read_damaged))()
    return strangers.counts


# Command line ---------------------------------------------------------------------------------------------


def limit_memory(gigabytes=2):
    """Let this process have only so much memory more, where the system can: a claim of more is then met."""
    with contextlib.suppress(ImportError, OSError):
        import resource

        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + gigabytes * 2**30, resource.RLIM_INFINITY))


def main(arguments=None):
    """Read the command line, torture, and print what came of it."""
    parser = argparse.ArgumentParser(description="Kill trainings and preprocessings, damage files.")
    parser.add_argument("--kills", type=int, default=0, help="of trainings, and as many of preprocessings")
    parser.add_argument("--fuzz", type=int, default=0, help="cases")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    os.environ["PYTHONWARNINGS"] = "ignore"  # of what killed processes could not give back
    bad = 0
    if options.kills:
        for kill, ill in (
            (kill_trainings, ("files lost", "runs that differ")),
            (kill_preprocessings, ("data mixed",)),
        ):
            with tempfile.TemporaryDirectory() as folder:
                counts = kill(options.kills, folder, options.seed)
            print(f"{kill.__name__}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
            bad += sum(counts[name] for name in ill)
    if options.fuzz:
        limit_memory()
        with tempfile.TemporaryDirectory() as folder:
            counts = fuzz(options.fuzz, folder, options.seed)
        for kind in dict.fromkeys(kind for kind, _ in counts):
            print(f"{kind:20} {counts[kind, 'refused']:6} refused in one line, {counts[kind, 'read']:6} read")
        print(f"{sum(counts.values())} cases, other errors: 0")  # the first would have ended it
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
