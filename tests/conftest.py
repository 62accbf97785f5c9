import json
import sys
import zipfile

import numpy as np
import pytest

from scripts.files import paths
from scripts.files.data import SPLITS, Data, Split, load_data, save_data
from scripts.files.runs import TIMINGS
from scripts.training.experiment import CLASSIFIERS


@pytest.fixture(params=list(CLASSIFIERS))
def kind(request):
    """Both models, one after the other."""
    return request.param


@pytest.fixture
def study_root(tmp_path, monkeypatch):
    """An empty folder that stands for the project's root: data/ and assets/ are written there."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def make_model(kind):
    """Build a small float64 model of that kind with random parameters: no bias is zero."""

    def make(D=3, H=4, V=11, seed=0, **options):
        rng = np.random.default_rng(seed)
        model = CLASSIFIERS[kind](rng.standard_normal((V, D)), H, rng=rng, dtype=np.float64, **options)
        model.theta[:] = 0.7 * rng.standard_normal(model.theta.size)
        return model

    return make


@pytest.fixture
def loss(kind):
    """The loss function of that kind's package."""
    return sys.modules[CLASSIFIERS[kind].__module__].binary_cross_entropy


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


def write_data(sizes=(200, 80, 60), D=6, seed=0, **manifest):
    """A small preprocessed dataset in data/ under paths.ROOT."""
    rng = np.random.default_rng(seed)
    embeddings = rng.standard_normal((len(WORDS), D)).astype(np.float32)
    embeddings[0] = 0
    splits = dict(zip(SPLITS, (make_split(rng, n) for n in sizes), strict=True))
    described = {
        "dataset": {"name": "made-up", "source": "tests", "intended": None},
        "embeddings": {"name": "random", "dimensions": D, "intended": None},
        "max_length": None,
        "tokenised": True,
        "seed": seed,
    }
    save_data(Data(splits, WORDS, embeddings, described | manifest))
    return load_data()


@pytest.fixture
def data(study_root):
    """The small dataset of :func:`write_data`, preprocessed in an empty project."""
    return write_data()


def without_timings(root, run_id):
    """The lines of a run's log and the members of its weights file, less what differs between equal runs."""
    log = (root / "assets" / "runs" / f"{run_id}.jsonl").read_text(encoding="utf-8").splitlines()
    lines = [{name: value for name, value in json.loads(line).items() if name not in TIMINGS} for line in log]
    with zipfile.ZipFile(root / "assets" / "weights" / f"{run_id}.npz") as file:
        members = {name: file.read(name) for name in file.namelist() if name != "timings.npy"}
    return lines, members


def same_run(run_id, root, other_root):
    """Assert that two projects hold the same run, byte by byte but for its timings."""
    lines, members = without_timings(root, run_id)
    other_lines, other_members = without_timings(other_root, run_id)
    assert [json.dumps(line) for line in lines] == [json.dumps(line) for line in other_lines]
    assert members == other_members
