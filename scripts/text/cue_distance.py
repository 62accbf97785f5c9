"""The cue-distance task: made-up sentences whose label is decided by a cue exactly d words before the end.

Every sentence has a positive and a negative cue. The marker word stands directly before the one that decides,
which exactly d words follow; the other cue is a few words before or after it. For d = 5, negative:

    the clerk waited it was lovely and truly gloomy soon the guard waited again

Sentences come as twins, rows 2i and 2i + 1, that differ only in which cue is which, and hence in the label.
A classifier that ignores word order, or sees only last words without a cue, is correct on exactly one of the
two: 50%. This is why the other cue is near the deciding one: near the end, it would give the answer away.

If the deciding cue comes first, the other one is up to 5 words nearer the end, and a model that remembers
only that one can still answer. So the memory of a model is measured on the sentences whose deciding cue comes
last (:func:`decides_last`). `preprocessing.py` makes the sentences; studies find the cues in them.
"""

import math
import random

import numpy as np

from scripts.files.errors import UserError
from scripts.text.tables import Table

NAME = "probe"  # the short name of this task, in options, files and functions such as probe_study
SHORTEST, LONGEST = 2, 200  # words after the deciding cue
# How often train and validation hold each distance d: equally, as 1 / d, or equally from half the longest on
MIXTURES = ("even", "log", "far")
UTMOST = 5_000  # allowed for --probe-longest: an epoch then takes minutes
SIZES = {"train": 10_000, "validation": 2_000}  # sentences
TEST_DISTANCES = 14  # evenly spaced in log d
TEST_SENTENCES = 400  # at each of them
LEAD_IN = 10  # most neutral words before the verdict

MARKER = "truly"  # all words are in GloVe's vocabulary
CUES = {
    1: "wonderful superb delightful brilliant lovely charming splendid excellent marvelous delicious "
    "beautiful graceful joyous gorgeous admirable magnificent enchanting exquisite fantastic glorious "
    "terrific cheerful pleasant elegant captivating fascinating hilarious inspiring refreshing satisfying",
    0: "awful terrible dreadful horrible boring dull tedious miserable lousy hideous ugly pathetic nasty "
    "bland painful disgusting clumsy dreary gloomy annoying unpleasant irritating disappointing depressing "
    "stupid ridiculous pointless tiresome repulsive lifeless",
}
SLOTS = {
    "who": "driver clerk student farmer teacher soldier doctor sailor cook guard worker writer lawyer",
    "where": "station river office garden kitchen street bridge market museum village library corner hotel",
    "what": "chair table box letter book map coat bag paper ticket",
    "did": "walked waited sat turned stopped arrived returned",
    "handled": "carried moved held opened placed found brought kept showed",
    "when": "noon dawn evening morning night",
    "adverb": "then later again soon",
}
CLAUSES = [  # of neutral text; the first has one word, so that a text can have any length
    "{adverb}",
    "and {adverb}",
    "the {who} {did}",
    "the {who} {did} again",
    "the {who} {handled} a {what}",
    "the {who} {did} near the {where}",
    "before {when} the {who} {handled} the {what}",
    "a {who} {did} from the {where} to the {where}",
]
VERDICTS = [  # one of the two becomes the marker and the deciding cue, the other becomes the other cue
    "it was {first} and {second}",
    "it was {first} then also {second}",
    "it was {first} yet some hours later {second}",
]
CUES = {label: words.split() for label, words in CUES.items()}
SLOTS = {slot: words.split() for slot, words in SLOTS.items()}
CLAUSES = [clause.split() for clause in CLAUSES]
VERDICTS = [verdict.split() for verdict in VERDICTS]
NEAR = max(len(words) - words.index("{first}") - 1 for words in VERDICTS)  # most words between the cues
OPENINGS = {words[words.index("{first}") - 1] for words in VERDICTS}  # before the marker of a first cue


def make_twins(d, decides_first, rng):
    """Make two sentences whose cues change places; return the words and label of each, first of label 1.

    d words, 2 or more, follow the deciding cue, which comes before the other one if it `decides_first`.

    Examples
    --------
    >>> for words, label in make_twins(2, False, random.Random(39)):
    ...     print(label, " ".join(words))
    1 the driver waited again it was pathetic and truly cheerful soon again
    0 the driver waited again it was cheerful and truly pathetic soon again
    """
    # a verdict has to fit in either order, so that it doesn't reveal the order
    verdict = rng.choice([words for words in VERDICTS if len(words) - words.index("{first}") - 1 <= d])
    decider, other = ("{first}", "{second}") if decides_first else ("{second}", "{first}")
    lead_in = _neutral_text(rng.randint(0, LEAD_IN), rng)
    rest = _neutral_text(d - (len(verdict) - verdict.index(decider) - 1), rng)
    cues = {label: rng.choice(words) for label, words in CUES.items()}
    twins = []
    for label in (1, 0):
        filled = {decider: [MARKER, cues[label]], other: [cues[1 - label]]}
        twins.append((lead_in + [w for word in verdict for w in filled.get(word, [word])] + rest, label))
    return twins


def _neutral_text(words, rng):
    """A list of exactly so many words, of neutral clauses."""
    text = []
    while len(text) < words:
        clause = rng.choice([clause for clause in CLAUSES if len(clause) <= words - len(text)])
        text += [rng.choice(SLOTS[word[1:-1]]) if word[0] == "{" else word for word in clause]
    return text


def _draw_distances(split, longest, mixture, rng):
    """Draw the distance of each pair of twins: from the mixture, or each tested one for test."""
    if split == "test":
        return [d for d in tested_distances(longest) for _ in range(TEST_SENTENCES // 2)]
    pairs = SIZES[split] // 2
    if mixture != "log":
        shortest = SHORTEST if mixture == "even" else max(SHORTEST, longest // 2)
        return [rng.randint(shortest, longest) for _ in range(pairs)]
    span = math.log((longest + 1) / SHORTEST)
    return [min(longest, int(SHORTEST * math.exp(span * rng.random()))) for _ in range(pairs)]


def tested_distances(longest):
    """Return the distances of the test split, evenly spaced in log d as far as whole numbers allow."""
    return np.unique(np.geomspace(SHORTEST, longest, TEST_DISTANCES).round().astype(int)).tolist()


def cue_distance_table(longest, mixture="even", max_length=None, seed=0):
    """Return the task as a `Table` that preprocessing reads.

    At most `longest` words follow the deciding cue; `mixture`, of `MIXTURES`, says how often each distance
    occurs in train and validation. UserError if a cut to `max_length` could remove a cue.
    """
    if mixture not in MIXTURES:
        raise UserError(f"--probe-mixture {mixture} is unknown: choose one of {', '.join(MIXTURES)}")
    needed = longest + 2 + NEAR  # with the marker, its cue, and the other cue before them
    if max_length is not None and max_length < needed:
        fault = f"a cue {longest} words before the end doesn't fit into --max-length {max_length}"
        raise UserError(f"{fault}: give {needed} or more, or a smaller --probe-longest")

    def read(split):
        rng = random.Random(f"{seed} {split}")
        for number, d in enumerate(_draw_distances(split, longest, mixture, rng)):
            for words, label in make_twins(d, number % 2 == 0, rng):
                yield " ".join(words), label

    sizes = SIZES | {"test": len(tested_distances(longest)) * TEST_SENTENCES}
    drawn = f"distances {SHORTEST} to {longest}, mixture {mixture}, seed {seed}"
    return Table(NAME, f"scripts/text/cue_distance.py, {drawn}", sizes, read, None, True, True)


def cue_distances(split, vocabulary):
    """Return the distance d of each sentence of a preprocessed split, (N,) integers, by its marker."""
    return np.cumsum(split.s, dtype=np.int64) - _marker_places(split, vocabulary) - 2


def decides_last(split, vocabulary):
    """Return which sentences of a preprocessed split have the deciding cue last, (N,) booleans."""
    openings = [row for row, word in enumerate(vocabulary) if word in OPENINGS]  # as in "it was truly …"
    return ~np.isin(split.x[_marker_places(split, vocabulary) - 1], openings)


def _marker_places(split, vocabulary):
    marker = vocabulary.index(MARKER) if MARKER in vocabulary else -1
    places = np.flatnonzero(split.x == marker)
    ends = np.cumsum(split.s, dtype=np.int64)
    if len(places) != len(ends) or (np.searchsorted(ends, places, "right") != np.arange(len(ends))).any():
        fault = f"the dataset is not the cue-distance probe ({MARKER!r} isn't once in every sentence)"
        remedy = 'call preprocess(dataset="probe", name="probe-even"), and give data="probe-even"'
        raise UserError(f"{fault}: {remedy}")
    return places
