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

from collections import defaultdict

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import GroupShuffleSplit
from tqdm import tqdm

from scripts.files.errors import UserError

LONG = 5  # tokens from which on a shared row unites its sources
SHARE = 0.1  # of the groups, for each part carved out


def find_sources(sentences):
    """Find, for each row, the sources that contain it.

    A row can only lie within a sentence that holds its rarest word, so only those are compared. Rows are
    taken longest first: containment is transitive, so a row that lies within any longer row lies within a
    source already found.

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
    first = {}
    for row, sentence in enumerate(sentences):
        first.setdefault(sentence, row)
    longest_first = sorted(first, key=lambda sentence: sentence.count(" "), reverse=True)
    holders = defaultdict(list)  # word -> the sources that hold it
    sources = {}  # sentence -> the rows of its sources
    for sentence in tqdm(longest_first, desc="sources", unit=" rows", leave=False):
        words = set(sentence.split(" "))
        rarest = min(words, key=lambda word: len(holders[word]))
        padded = f" {sentence} "  # so that only whole tokens match
        sources[sentence] = sorted(row for row, source in holders[rarest] if padded in source)
        if not sources[sentence]:
            sources[sentence] = [first[sentence]]
            holder = first[sentence], padded
            for word in words:
                holders[word].append(holder)
    indices = np.fromiter((row for sentence in sentences for row in sources[sentence]), np.int32)
    counts = np.fromiter((len(sources[sentence]) for sentence in sentences), np.int32, len(sentences))
    return _within(indices, counts)


def whole_texts(sentences):
    """Return `find_sources` of rows known to be whole: each lies within its first equal only."""
    first = {}
    indices = np.fromiter(
        (first.setdefault(sentence, row) for row, sentence in enumerate(sentences)), np.int32
    )
    return _within(indices, np.ones_like(indices))


def _within(indices, counts):
    """Sparse boolean matrix from the columns of each row, one row after the other, and their counts."""
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return csr_array((np.ones(len(indices), bool), indices, starts), shape=(len(counts), len(counts)))


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
            f"{len(lengths)} rows of {groups.max() + 1} unrelated sentences are too few to carve "
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
