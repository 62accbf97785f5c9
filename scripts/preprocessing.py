"""Turn a dataset of sentences and word vectors into data/, which training and studies read.

Run it::

    python scripts/preprocessing.py                                   SST-2 and GloVe 2024 (or a replacement)
    python scripts/preprocessing.py --download-glove                  SST-2 and GloVe 2024, which it downloads
    python scripts/preprocessing.py --dataset imdb --max-length 200   long reviews, their last 200 tokens
    python scripts/preprocessing.py --dataset probe --name probe-even   made-up sentences, in data/probe-even/
    python scripts/preprocessing.py --help
"""

import argparse
import itertools
import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.files.data import RESERVED, SPLITS, UNKNOWN, Data, Split, load_manifest, save_data, writing_data
from scripts.files.errors import UserError, errors_in_one_line, memory_in_one_line
from scripts.files.numbers import whole_number
from scripts.files.paths import data_path
from scripts.files.storage import is_absent
from scripts.text import cue_distance
from scripts.text.corpus import HIDDEN, UNKNOWN_WORD, read_corpus, read_table
from scripts.text.embeddings import CUSTOM, DIMENSIONS, find_embeddings, get_vectors
from scripts.text.glove_download import fetch_glove
from scripts.text.splits import carve, find_sources, whole_texts
from scripts.text.summary import find_warnings, summarise
from scripts.text.tables import Options, refuse_options


@memory_in_one_line("preprocessing", "give fewer rows, or smaller vectors")
def preprocess(dataset=None, embeddings=None, *, name=None, if_missing=False, **options):
    """Turn sentences and word vectors into data/, or into data/<name>/.

    Parameters
    ----------
    dataset, embeddings, name, **options
        The options of the command line: ``python scripts/preprocessing.py --help`` explains them.
    if_missing : bool
        Keep a dataset that already exists; it must have been made with the same options.

    Returns
    -------
    dict
        The content of ``dataset.json``. After a UserError, data/ is as it was.
    """
    asked = _in_words({"dataset": dataset, "embeddings": embeddings} | options)
    if if_missing and not is_absent(path := data_path("dataset.json", name)):
        there = load_manifest(name)
        if there.get("options") == asked:
            print(f"{path.parent} already exists with these options: nothing to do.")
            return there
        fault = f"{path.parent} was made with the options {there.get('options')}, not {asked}"
        raise UserError(f"{fault}: give another name, or leave out if_missing=True to replace it")
    with writing_data(name):
        return _preprocess(name, asked, dataset, embeddings, **options)


def _in_words(options):
    """The options that differ from their defaults, as text; of a path only its last part."""
    given = {option: str(value) for option, value in options.items() if value is not None}
    return {
        option: Path(value).name if os.path.isabs(value) else value
        for option, value in given.items()
        if value not in ("False", "0") or option == "tokenised"
    }


def _preprocess(
    name,
    asked,
    dataset=None,
    embeddings=None,
    dimensions=None,
    max_length=None,
    tokenised=None,
    probe_longest=None,
    probe_mixture=None,
    seed=0,
    download_glove=False,
    test=None,
    **reading,
):
    """Write the dataset that `asked` describes in words; `reading` are fields of `Options`."""
    is_cue_distance, intended_dataset = dataset == cue_distance.NAME, None
    dimensions = dimensions if dimensions is None else whole_number("--dimensions", dimensions)
    max_length = max_length if max_length is None else whole_number("--max-length", max_length)
    seed = whole_number("--seed", seed, 0)
    if is_cue_distance:
        refuse_options(f"--dataset {dataset}", reading | {"test": test})
    else:
        probe = {"probe_longest": probe_longest, "probe_mixture": probe_mixture}
        refuse_options(f"a dataset other than {cue_distance.NAME}", probe)
    if download_glove:
        refuse_options("--download-glove", {"embeddings": embeddings, "dimensions": dimensions})
        fetch_glove()
    elif embeddings != CUSTOM:
        refuse_options(f"vectors other than --embeddings {CUSTOM}", {"dimensions": dimensions})
    embeddings, intended_embeddings = find_embeddings(embeddings)
    if is_cue_distance:
        longest = cue_distance.LONGEST if probe_longest is None else probe_longest
        longest = whole_number("--probe-longest", longest, cue_distance.SHORTEST, cue_distance.UTMOST)
        mixture = probe_mixture or cue_distance.MIXTURES[0]
        corpus = read_table(cue_distance.cue_distance_table(longest, mixture, max_length, seed))
    else:
        corpus, intended_dataset = read_corpus(dataset, Options(**reading), tokenised, test)
    print(f"Read {corpus.name} ({corpus.described['source']}).")
    parts, rules = _split_corpus(corpus, seed)
    vectors = get_vectors(embeddings, corpus, parts["train"], dimensions, seed)
    row_of_word, vocabulary, matrix = _build_vocabulary(corpus, parts, vectors)
    splits = {name: _cut_texts(part, max_length) for name, part in parts.items()}
    described = {"name": vectors.name, "dimensions": matrix.shape[1], "checksum": vectors.checksum}
    manifest = {
        "options": asked,
        "dataset": corpus.described | {"intended": intended_dataset},
        "test_dataset": corpus.test and corpus.test.described | corpus.test.facts,
        "embeddings": described | {"intended": intended_embeddings},
        "seed": seed,
        "max_length": max_length,
        "kept_end": "end",  # of a text that is cut: verdicts come last, and so does the state that classifies
        **corpus.facts,
        "split_rule": rules,
        "shared_texts": _count_shared(splits),
        **_measure_coverage(corpus, parts, row_of_word),
    }
    manifest["warnings"] = [*corpus.warnings, *vectors.warnings, *find_warnings(manifest, splits)]
    if is_cue_distance:
        manifest[cue_distance.NAME] = {"longest": longest, "mixture": mixture}
    row_of_word = row_of_word.astype(np.min_scalar_type(row_of_word.max()))  # the smallest that holds all
    splits = {name: split._replace(x=row_of_word[split.x]) for name, split in splits.items()}
    manifest = save_data(Data(splits, vocabulary, matrix, manifest, name))
    print(summarise(manifest), "", f"Written to {data_path('', name)}.", sep="\n")
    for warning in manifest["warnings"]:
        print(f"!!! {warning}")
    return manifest


def _split_corpus(corpus, seed):
    """The three splits, and the rule by which each was made.

    A published test split with labels is used; without them, the published validation split becomes test.
    Splits that are then missing are carved out of train, by source sentence.
    """
    published, rules, why = dict(corpus.rows), {}, "there is no test split"
    if corpus.test:
        published["test"], rules["test"] = corpus.test.rows["test"], f"the test split of {corpus.test.name}"
    elif "test" in published and published["test"].y[0] == HIDDEN:
        del published["test"]
        why = "the published test split has no labels"
    if "test" not in published and "validation" in published:
        published["test"] = published.pop("validation")
        rules["test"] = f"the published validation split, as {why}"
    missing = [name for name in ("test", "validation") if name not in published]
    parts = {}
    for name, rows in published.items():
        whole = (corpus.test if name == "test" and corpus.test else corpus).whole
        carved = missing if name == "train" else []
        part_of_row, g = _carve_rows(corpus.words, rows, whole, carved, seed)
        for number, part in enumerate([name, *carved]):
            chosen = part_of_row == number
            x = rows.x[np.repeat(chosen, rows.s)]
            parts[part] = Split(x, rows.s[chosen], rows.y[chosen], g[chosen])
        rules.setdefault(name, "the published split")
    if missing:
        rules["train"] = f"the published train split without {' and '.join(missing)}"
        rules |= dict.fromkeys(missing, f"a tenth of the source sentences of train, seed {seed}")
    return {name: parts[name] for name in SPLITS}, {name: rules[name] for name in SPLITS}


def _carve_rows(words, rows, whole, parts, seed):
    """The part and the source of each row (see `carve`); a whole text is its own source."""
    words, place_of = np.array(words, dtype=object), {}  # equal rows are carved as one
    texts = (" ".join(words[x]) for x in np.split(rows.x, np.cumsum(rows.s)[:-1]))
    place = [place_of.setdefault(text, len(place_of)) for text in texts]
    _, first = np.unique(place, return_index=True)
    within = whole_texts(len(place_of)) if whole else find_sources(list(place_of))
    part, source = carve(within, rows.s[first], parts, seed)
    return part[place], np.arange(len(rows.s)) if whole else first[source][place]


def _count_shared(splits):
    """For each pair of splits that share texts: the numbers of these, and of their rows in each split."""
    held, shared = {}, {}
    for name, split in splits.items():
        held[name] = Counter(x.tobytes() for x in np.split(split.x, np.cumsum(split.s)[:-1]))
    for a, b in itertools.combinations(held, 2):
        if texts := held[a].keys() & held[b].keys():
            rows = {name: sum(held[name][text] for text in texts) for name in (a, b)}
            shared[f"{a} and {b}"] = {"texts": len(texts), "rows": rows}
    return shared


def _build_vocabulary(corpus, parts, vectors):
    """The row of each word (1: unknown), the word of each row (by frequency, then name), and the vectors."""
    counts = sum(np.bincount(part.x, minlength=len(corpus.words)) for part in parts.values())
    counts = counts[vectors.index]  # of the words with a vector
    occurring = np.flatnonzero(counts).tolist()
    order = sorted(occurring, key=lambda k: (-counts[k], corpus.words[vectors.index[k]]))
    index, values = vectors.index[order], vectors.values[order]
    row_of_word = np.full(len(corpus.words), UNKNOWN)
    row_of_word[index] = np.arange(len(index)) + len(RESERVED)
    matrix = np.vstack([np.zeros_like(vectors.unknown), vectors.unknown, values])  # of padding, of unknown
    return row_of_word, [*RESERVED, *(corpus.words[place] for place in index)], matrix


def _measure_coverage(corpus, parts, row_of_word):
    """Shares of words and of running words that have a vector; the most frequent words without one."""
    counts = {name: np.bincount(part.x, minlength=len(row_of_word)) for name, part in parts.items()}
    known = row_of_word != UNKNOWN
    total = sum(counts.values())
    missed = np.where(known, 0, total)
    missed[UNKNOWN_WORD] = 0
    top = np.argsort(-missed, kind="stable")[:20]
    words = {"known": int(np.count_nonzero(total[known])), "total": int(np.count_nonzero(total[1:]))}
    counts = {"all": total, **counts}
    tokens = {name: round(float(count[known].sum() / count.sum()), 5) for name, count in counts.items()}
    return {
        "coverage": {"words": words, "tokens": tokens},
        "missed": {corpus.words[word]: int(missed[word]) for word in top if missed[word]},
    }


def _cut_texts(part, max_length):
    """A split with texts of at most so many tokens, the last ones, in the types of the files."""
    x, s = part.x, part.s
    if max_length is not None and s.max() > max_length:
        from_end = np.repeat(np.cumsum(s), s) - np.arange(len(x))  # 1 for the last token of each text
        x, s = x[from_end <= max_length], np.minimum(s, max_length)
    return Split(x, s.astype(np.int32), part.y.astype(np.uint8), part.g.astype(np.int32))


def main(arguments=None):
    """Read the command line and preprocess."""
    parser = argparse.ArgumentParser(description="Turn sentences and word vectors into data/.")
    add = parser.add_argument
    dataset = "a Hub id; a folder, or a .csv, .tsv, .json, .jsonl or .parquet file; rotten-tomatoes or imdb; "
    dataset += "or probe: made-up sentences (default: stanfordnlp/sst2, else rotten-tomatoes)"
    add("--dataset", help=dataset)
    vectors = "a file in the format of GloVe, fastText (.vec) or word2vec; glove-6b-50d; or custom: trained "
    vectors += "here (default: the GloVe 2024 file in assets/embeddings/, else glove-6b-50d, else custom)"
    add("--embeddings", help=vectors)
    add("--name", help="write data/NAME/, next to other datasets (default: data/ itself)")
    glove = "download the GloVe 2024 file into assets/embeddings/ if it is missing, and use it"
    add("--download-glove", action="store_true", help=glove)
    add("--test", help="another dataset with the same two classes, whose test (or only) split is used")
    text = "column of the texts: the first that a file has (default: sentence text)"
    add("--text-column", nargs="+", help=text)
    add("--label-column", nargs="+", help="column of the labels: the first that a file has (default: label)")
    add("--config", help="configuration of a dataset that has several (or: --dataset ID:CONFIG)")
    add("--encoding", help="of text files that are not UTF-8 and have no byte-order mark")
    add("--separator", help="between the fields of .csv and .tsv files (default: found in the header line)")
    splits = "which file (or published split) is which split: train=FILE validation=FILE test=FILE"
    add("--split", nargs="+", metavar="SPLIT=FILE", help=splits + " (default: found by their names)")
    add("--no-header", action="store_true", help="the first line is a row; columns are then 1, 2, …")
    add("--dimensions", type=int, help=f"of custom vectors (default: {DIMENSIONS})")
    add("--max-length", type=int, help="keep only this many tokens at the end of each text (default: all)")
    tokens = "the rows came tokenised and are split at blanks only (default: a sample of them decides)"
    add("--tokenised", action=argparse.BooleanOptionalAction, help=tokens)
    longest = f"with --dataset probe: most words after the deciding cue (default: {cue_distance.LONGEST})"
    add("--probe-longest", type=int, help=longest)
    mixture = "with --dataset probe: all distances equally often (default), as 1 / d, or the longer half only"
    add("--probe-mixture", choices=cue_distance.MIXTURES, help=mixture)
    add("--seed", type=int, default=0, help="for splits, custom vectors and the probe (default: 0)")
    preprocess(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    errors_in_one_line()
    main()
