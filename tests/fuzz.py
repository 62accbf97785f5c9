"""Damaged files of every kind that the project reads: only errors in one line may come out.

`python tests/torture.py --fuzz 10000` and tests/files/test_storage.py call :func:`fuzz`.
"""

import gzip
import io
import json
import zipfile
from collections import Counter
from pathlib import Path

import datasets
import hypothesis
import hypothesis.strategies as st
import numpy as np

from scripts.files.data import ARRAYS, load_data
from scripts.files.errors import UserError
from scripts.files.paths import data_path, log_path, rooted, weights_path
from scripts.files.runs import load_run, read_log
from scripts.files.storage import checksum
from scripts.text import corpus, glove
from scripts.training import evaluation, experiment
from tests.helpers import WORDS, silence, write_data, write_sources

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


TEXTS = ("rows.csv", "rows.tsv", "rows.json", "rows.parquet", "saved/dataset_info.json", "saved/state.json")
VECTORS = ("fasttext.vec", "vectors.txt.gz")
SLOW = ("jsonl", *TEXTS)  # some hundredths of a second each
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
            self.write_texts()
        self.whole = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}

    def write_texts(self):
        """Sentences and vectors in every form that preprocessing reads."""
        self.glove, self.rows = self.folder / "vectors.txt", self.folder / "rows.jsonl"
        rows = [json.loads(line) for line in self.rows.read_text().splitlines()[:30]]
        self.rows.write_text("".join(json.dumps(row) + "\n" for row in rows))
        (self.folder / "rows.json").write_text(json.dumps({"train": rows, "test": rows[:5]}))
        for ending, separator in ((".csv", ","), (".tsv", "\t")):
            lines = [f"{row['text']}{separator}{row['label']}\n" for row in rows]
            (self.folder / f"rows{ending}").write_text(f"text{separator}label\n" + "".join(lines))
        table = datasets.Dataset.from_list(rows)
        table.to_parquet(self.folder / "rows.parquet")
        table.save_to_disk(self.folder / "saved")
        vectors = self.glove.read_text()
        count, D = vectors.count("\n"), vectors.split("\n")[0].count(" ")
        (self.folder / "fasttext.vec").write_text(f"{count} {D}\n" + vectors.replace("\n", " \n"))
        (self.folder / "vectors.txt.gz").write_bytes(gzip.compress(vectors.encode()))

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
            **{name: self.reader_of(name, corpus.read_corpus) for name in TEXTS},
            **{name: self.reader_of(name, lambda path: glove.read_glove(path, words)) for name in VECTORS},
        }

    def reader_of(self, name, read):
        """The file of that name, damaged anywhere, and what reads it or its folder."""
        path = self.folder / name
        return path, damaged_bytes, lambda: read(path.parent if path.parent.name == "saved" else path)

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
        kinds = SLOW if data.draw(st.integers(0, 9)) == 9 else quick
        strangers.meet(data.draw, data.draw(st.sampled_from(kinds)))

    with rooted(folder), silence():
        (read_damaged if seed is None else hypothesis.seed(seed)(read_damaged))()
    return strangers.counts
