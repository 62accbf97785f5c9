"""Splits that share no sentence: all rows that were cut from one sentence stay on one side.

Some datasets contain phrases cut from sentences next to the sentences themselves (SST-2's training rows). A
random split would put pieces of one sentence on both sides, and validation would reward memorisation. So
`preprocessing.py` carves splits out of train by source:

- a *source* is a row that is not part of any longer row;
- sources that share a row of five or more tokens form a group (quotations, repeated sentences);
- the groups are split at random;
- a row goes to a carved-out part if all its sources do; any other row stays in train.

Hence no text is on both sides, and no row of five or more tokens is part of a sentence on the other side.
Short phrases ("good", "not") from sentences on both sides stay in train.
"""

from collections import defaultdict

import numpy as np
from scipy.sparse import csr_array, identity
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import GroupShuffleSplit

from scripts.files.errors import UserError
from scripts.files.progress import progress_bar

FIRST = 3  # words of a row that are searched for before the whole row
LONG = 5  # tokens from which a shared row unites its sources
SHARE = 0.1  # of the groups, for each carved-out part


def find_sources(sentences):
    """Find, for each row, the sources that contain it.

    `sentences` are N different rows, their tokens joined by single spaces. Returns an (N, N) boolean sparse
    array: ``within[i, j]`` is True if row i is part of source j. A source is part of itself.

    Examples
    --------
    >>> find_sources(["a fine film", "fine film", "fine", "a fine"]).indices.tolist()
    [0, 0, 0, 0]
    """
    row_of = {sentence: row for row, sentence in enumerate(sentences)}
    lengths = defaultdict(set)  # first words -> numbers of words of the rows that begin with them
    for sentence in sentences:
        words = sentence.split(" ")
        lengths[" ".join(words[:FIRST])].add(len(words))
    rows, sources, known = [], [], set()
    # containment is transitive: a row that is part of any longer row is part of a source found before
    longest_first = sorted(row_of, key=lambda sentence: sentence.count(" "), reverse=True)
    for sentence in progress_bar(longest_first, desc="sources", unit=" rows", leave=False):
        if row_of[sentence] not in known:
            inside = {row_of[part] for part in _stretches(sentence, lengths) if part in row_of}
            known |= inside
            rows += inside
            sources += [row_of[sentence]] * len(inside)
    return csr_array((np.ones(len(rows), bool), (rows, sources)), shape=(len(sentences), len(sentences)))


def _stretches(sentence, lengths):
    """Iterate over the stretches of a sentence that begin like some row and are as long."""
    words = sentence.split(" ")
    for first in range(len(words)):
        for head in range(1, FIRST + 1):
            for length in lengths.get(" ".join(words[first : first + head]), ()):
                if first + length <= len(words):
                    yield " ".join(words[first : first + length])


def whole_texts(count):
    """Return what `find_sources` finds among rows known to be whole: each is part of itself only."""
    return csr_array(identity(count, bool, "csr"))


def unite(within, lengths):
    """Group sources that share a row of five or more tokens; return (S,) sources, ascending, and groups."""
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
    within, lengths : (N, N) scipy.sparse.csr_array, (N,) integers
        From `find_sources` or `whole_texts`; the tokens of each row.
    parts : sequence of str
        Names of the parts to carve out, a tenth of the groups each.
    seed : int

    Returns
    -------
    part_of_row, source_of_row : (N,) integers
        0 for train, k for ``parts[k - 1]``; the row's first source in its own part, or its first if none is
        there. UserError if there are too few groups to carve.
    """
    sources, groups = unite(within, lengths)
    tenth = max(1, round(SHARE * (groups.max() + 1)))
    if len(parts) * tenth > groups.max():
        fault = f"{len(lengths)} different rows of {groups.max() + 1} unrelated sentences are too few"
        remedy = "give more rows, or a dataset that has these splits"
        raise UserError(f"{fault} to carve {' and '.join(parts)} out of them: {remedy}")
    part_of_source = np.zeros(len(lengths), np.int8)  # by row number; only sources are read
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
