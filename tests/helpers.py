"""Made-up data, and comparisons of runs, for the tests of every room."""

import contextlib
import json
import os
import re
import zipfile
from pathlib import Path

import numpy as np

from scripts.files import paths
from scripts.files.data import SPLITS, Data, Split, load_data, save_data
from scripts.files.paths import log_path, rooted, weights_path
from scripts.files.runs import TIMINGS
from scripts.text import glove

WORDS = ["<pad>", "<unk>", "good", "bad", "not", *(f"word{k}" for k in range(25))]


def make_split(rng, sentences, longest=26):
    """Random sentences of 1 to `longest` known words; positive where they hold more "good" than "bad"."""
    s = rng.integers(1, longest + 1, sentences).astype(np.uint16)
    s[:3] = longest
    x = rng.choice(len(WORDS), s.sum(), p=[0, 0.02, 0.15, 0.15, *[0.68 / 26] * 26]).astype(np.uint8)
    sentence = np.repeat(np.arange(sentences), s)
    balance = np.bincount(sentence, (x == 2).astype(int) - (x == 3), sentences)
    y = np.where(balance == 0, rng.integers(0, 2, sentences), balance > 0).astype(np.uint8)
    return Split(x, s, y, np.arange(sentences, dtype=np.uint32))


def write_data(sizes=(200, 80, 60), D=6, seed=0, name=None, longest=26, **manifest):
    """A small preprocessed dataset in data/, or data/<name>/, under paths.ROOT."""
    rng = np.random.default_rng(seed)
    embeddings = rng.standard_normal((len(WORDS), D)).astype(np.float32)
    embeddings[0] = 0
    splits = dict(zip(SPLITS, (make_split(rng, n, longest) for n in sizes), strict=True))
    described = {
        "dataset": {"name": "made-up", "source": "tests", "intended": None},
        "embeddings": {"name": "random", "dimensions": D, "intended": None},
        "max_length": None,
        "tokenised": True,
        "seed": seed,
    }
    save_data(Data(splits, WORDS, embeddings, described | manifest, name))
    return load_data(name)


def log_without_timings(run_id, root=None):
    """The lines of a run's log, without the values that differ between equal runs."""
    with rooted(root or paths.ROOT):
        log = log_path(run_id).read_text(encoding="utf-8").splitlines()
    return [{name: value for name, value in json.loads(line).items() if name not in TIMINGS} for line in log]


def members_without_timings(run_id, root=None):
    """The arrays of a run's weights file as the bytes of .npy files, by name, without its timings."""
    with rooted(root or paths.ROOT), zipfile.ZipFile(weights_path(run_id)) as file:
        members = {name.removesuffix(".npy"): file.read(name) for name in file.namelist()}
    del members["timings"]
    return members


def same_run(run_id, root, other_root):
    """Assert that two projects hold the same run, byte by byte but for its timings."""
    one, other = (log_without_timings(run_id, folder) for folder in (root, other_root))
    assert [json.dumps(line) for line in one] == [json.dumps(line) for line in other]
    assert members_without_timings(run_id, root) == members_without_timings(run_id, other_root)


def unpadded(text):
    """A printed text without the spaces that align its tables."""
    return re.sub(r" {2,}", " ", text)


@contextlib.contextmanager
def silence():
    """A block that prints nothing, nor shows progress."""
    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


def write_sources(folder):
    """Sentences and word vectors to preprocess."""
    rng = np.random.default_rng(0)
    with open(f"{folder}/rows.jsonl", "w") as file:
        for _ in range(300):
            text = " ".join(rng.choice(WORDS[2:], rng.integers(3, 12)))
            file.write(json.dumps({"text": text, "label": int(rng.integers(2))}) + "\n")
    vectors = rng.standard_normal((len(WORDS) - 2, 20)).astype(np.float32)
    glove.write_glove(Path(folder) / "vectors.txt", WORDS[2:], vectors)
