"""Splits that share no sentence: rows cut from one sentence stay on one side.

Some datasets hold phrases cut from sentences as well as the sentences themselves (SST-2's training rows). A
random split would put pieces of one sentence on both sides, and validation would measure memory. So:

- a *source* is a row contained in no longer row;
- sources that share a row of five or more tokens are united into groups (quotations, repeated sentences);
- the groups are split at random;
- a row whose sources all lie in one carved-out part goes there; any other stays in train.

Hence no row of five or more tokens crosses, and no text is on both sides. Short phrases ("good", "not") that
sentences of both sides hold stay in train.
"""

from collections import Counter, defaultdict
from itertools import chain, takewhile

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import GroupShuffleSplit

from scripts.files.errors import UserError
from scripts.files.progress import progress_bar

LONG = 5  # tokens from which on a shared row unites its sources
SHARE = 0.1  # of the groups, for each part carved out


def find_sources(sentences):
    """Find, for each row, the sources that contain it.

    Rows are taken longest first: containment is transitive, so a row that lies within any longer row lies
    within a source already found. There are two ways with the same result, and the one with less to do is
    taken: comparing each row with the sources that hold its rarest word, or, where a vocabulary is too small
    for rare words, looking up every stretch of a source among the rows.

    Parameters
    ----------
    sentences : list of str
        N rows, their tokens joined by single spaces.

    Returns
    -------
    scipy.sparse.csr_array
        (N, N) boolean: ``within[i, j]`` where row i lies within source j. A source lies within itself; equal
        rows have the same sources, of equal sources only the first counts.

    Examples
    --------
    >>> find_sources(["a fine film", "fine film", "fine", "a fine"]).indices
    array([0, 0, 0, 0], dtype=int32)
    """
    place = {}
    places = [place.setdefault(sentence, len(place)) for sentence in sentences]
    _, first = np.unique(places, return_index=True)
    rows, sources = (_compare if _has_rare_words(place) else _look_up)(list(place))
    counts = np.bincount(rows, minlength=len(first))
    return _within(first[sources].astype(np.int32), counts, len(places))[places]


def _has_rare_words(sentences):
    """True if comparing rows with those that share their rarest word is less work than looking all up."""
    held = Counter(word for sentence in sentences for word in set(sentence.split(" ")))
    compared = sum(min(held[word] for word in sentence.split(" ")) for sentence in sentences)
    lengths, rows = np.unique([sentence.count(" ") for sentence in sentences], return_counts=True)
    return compared < sum((rows * np.maximum(0, lengths - length + 1)).sum() for length in lengths)


def _compare(sentences):
    """Pairs of a row and its source, by row, of different sentences: by their rarest word."""
    holders = defaultdict(list)  # word -> the sources that hold it
    found = [[]] * len(sentences)
    longest_first = sorted(range(len(sentences)), key=lambda row: sentences[row].count(" "), reverse=True)
    for row in progress_bar(longest_first, desc="sources", unit=" rows", leave=False):
        words = set(sentences[row].split(" "))
        rarest = min(words, key=lambda word: len(holders[word]))
        padded = f" {sentences[row]} "  # so that only whole tokens match
        found[row] = sorted(source for source, text in holders[rarest] if padded in text) or [row]
        if found[row] == [row]:
            for word in words:
                holders[word].append((row, padded))
    return np.repeat(np.arange(len(found)), list(map(len, found))), np.array(list(chain(*found)))


def _look_up(sentences):
    """Pairs of a row and its source, by row, of different sentences: by every stretch of a source."""
    row_of = {sentence: row for row, sentence in enumerate(sentences)}
    lengths = sorted({sentence.count(" ") + 1 for sentence in sentences})
    found = [set() for _ in sentences]
    longest_first = sorted(row_of, key=lambda sentence: sentence.count(" "), reverse=True)
    for sentence in progress_bar(longest_first, desc="sources", unit=" rows", leave=False):
        if found[row_of[sentence]]:
            continue
        ends = [place for place, sign in enumerate(f" {sentence} ") if sign == " "]  # of words, and starts
        for first, start in enumerate(ends):
            for length in takewhile(lambda length: first + length < len(ends), lengths):  # noqa: B023
                row = row_of.get(sentence[start : ends[first + length] - 1])
                if row is not None:
                    found[row].add(row_of[sentence])
    return np.repeat(np.arange(len(found)), list(map(len, found))), np.array(list(chain(*map(sorted, found))))


def whole_texts(count):
    """Return `find_sources` of different rows known to be whole: each lies within itself only."""
    return _within(np.arange(count, dtype=np.int32), np.ones(count, int), count)


def _within(indices, counts, columns):
    """Sparse boolean matrix from the columns of each row, one row after the other, and their counts."""
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return csr_array((np.ones(len(indices), bool), indices, starts), shape=(len(counts), columns))


def unite(within, lengths):
    """Group sources that share a row of five or more tokens: (S,) sources, ascending, and their groups."""
    sources = np.unique(within.indices)
    rows = np.repeat(np.arange(len(lengths)), np.diff(within.indptr))
    shared = lengths[rows] >= LONG
    links = csr_array((np.ones(shared.sum()), (rows[shared], within.indices[shared])), shape=within.shape)
    _, component = connected_components(links, directed=False)
    return sources, np.unique(component[sources], return_inverse=True)[1]


def carve(within, lengths, parts, seed):
    """Assign each row to train or to one of the parts carved out of it, by source.

    Parameters
    ----------
    within : (N, N) scipy.sparse.csr_array
        From `find_sources` or `whole_texts`.
    lengths : (N,) integers
        Tokens of each row.
    parts : sequence of str
        Names of the parts to carve out, a tenth of the groups each; none leaves all in train.
    seed : int

    Returns
    -------
    part_of_row : (N,) integers
        0 for train, k for ``parts[k - 1]``.
    source_of_row : (N,) integers
        The first source of each row that lies in the row's own part (where none does: its first).

    Raises
    ------
    UserError
        There are too few groups for a split.
    """
    sources, groups = unite(within, lengths)
    tenth = max(1, round(SHARE * (groups.max() + 1)))
    if len(parts) * tenth > groups.max():
        raise UserError(
            f"{len(lengths)} different rows of {groups.max() + 1} unrelated sentences are too few to carve "
            f"{' and '.join(parts)} out of them: give more rows, or a dataset that has these splits"
        )
    part_of_source = np.zeros(len(lengths), np.int8)  # by row number; only those of sources are read
    remaining = np.arange(len(sources))
    for number in range(1, len(parts) + 1):
        chooser = GroupShuffleSplit(n_splits=1, test_size=tenth, random_state=seed)
        stay, go = next(chooser.split(remaining, groups=groups[remaining]))
        part_of_source[sources[remaining[go]]] = number
        remaining = remaining[stay]
    return _assign_rows(within, part_of_source)


def _assign_rows(within, part_of_source):
    """The part of each row, and its first source within that part."""
    starts, found = within.indptr[:-1], part_of_source[within.indices]
    lowest, highest = np.minimum.reduceat(found, starts), np.maximum.reduceat(found, starts)
    part_of_row = np.where(lowest == highest, lowest, 0).astype(np.int8)
    at_home = found == np.repeat(part_of_row, np.diff(within.indptr))
    none = np.iinfo(np.int32).max
    source_of_row = np.minimum.reduceat(np.where(at_home, within.indices, none), starts)
    return part_of_row, np.where(source_of_row == none, within.indices[starts], source_of_row)
