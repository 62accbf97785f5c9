"""The cue-distance probe: what decides stands where it is said to stand, and nothing else gives it away."""

import random

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from scripts import preprocessing
from scripts.files.data import SPLITS, load_data
from scripts.files.errors import UserError
from scripts.files.paths import data_path
from scripts.text import cue_distance
from scripts.text.tokens import tokenise

LONGEST = 40


@pytest.fixture(scope="module")
def rows():
    """All rows of a probe, by split: (words, label)."""
    table = cue_distance.cue_distance_table(LONGEST, seed=1)
    return {split: [(text.split(), label) for text, label in table.read(split)] for split in SPLITS}


def decider(words):
    """Place of the deciding cue."""
    return words.index(cue_distance.MARKER) + 1


def is_cue(word):
    return word in cue_distance.CUES[0] or word in cue_distance.CUES[1]


@pytest.mark.parametrize("decides_first", [True, False])
@pytest.mark.parametrize("d", [2, 3, 4, 5, 6, 7, 8, 20, 200])
def test_the_deciding_cue_stands_d_words_before_the_end_and_tells_the_label(d, decides_first):
    for seed in range(30):
        for words, label in cue_distance.make_twins(d, decides_first, random.Random(seed)):
            assert words.count(cue_distance.MARKER) == 1
            place = decider(words)
            assert len(words) - 1 - place == d
            assert words[place] in cue_distance.CUES[label]
            (other,) = [k for k, word in enumerate(words) if is_cue(word) and k != place]
            assert words[other] in cue_distance.CUES[1 - label]
            assert (place < other) == decides_first
            assert abs(other - place) <= cue_distance.NEAR + 1  # the marker may stand between
            assert other not in (place - 2, place + 1)  # the marker stands beside one cue, not beside both


@pytest.mark.parametrize("d", [2, 30])
def test_the_marker_stands_anywhere_from_the_front(d):
    """Neutral text before the verdict has 0 to 10 words, so the marker's place tells nothing of d."""
    lead_ins = set()
    for seed in range(300):
        ((words, _), _) = cue_distance.make_twins(d, True, random.Random(seed))
        assert words[decider(words) - 3 : decider(words) - 1] == ["it", "was"]
        lead_ins.add(decider(words) - 3)
    assert lead_ins == set(range(11))


@pytest.mark.parametrize("words", range(12))
def test_neutral_text_has_exactly_so_many_words_and_no_cue(words):
    for seed in range(30):
        text = cue_distance._neutral_text(words, random.Random(seed))
        assert len(text) == words
        assert not any(is_cue(word) or word == cue_distance.MARKER or "{" in word for word in text)


def test_word_lists_are_apart_and_each_word_is_a_token():
    cues, marker = [*cue_distance.CUES[0], *cue_distance.CUES[1]], cue_distance.MARKER
    neutral = {word for words in cue_distance.SLOTS.values() for word in words}
    neutral |= {
        word for words in cue_distance.CLAUSES + cue_distance.VERDICTS for word in words if word[0] != "{"
    }
    assert len(cues) == len(set(cues))
    assert len(cue_distance.CUES[0]) == len(cue_distance.CUES[1])
    assert not neutral & {*cues, marker}
    for word in [*cues, *neutral, marker]:
        assert tokenise(word) == [word]


def test_twins_differ_in_their_two_cues_alone(rows):
    for split in rows.values():
        for (words, label), (twin, other_label) in zip(split[::2], split[1::2], strict=True):
            assert {label, other_label} == {0, 1}
            assert sorted(words) == sorted(twin)
            places = [k for k, (a, b) in enumerate(zip(words, twin, strict=True)) if a != b]
            assert places == [k for k, word in enumerate(words) if is_cue(word)]
            assert len(places) == 2


def test_no_classifier_of_word_counts_can_beat_chance(rows):
    """Logistic regression on counts, trained on train, is right on one of every two twins: 50 % exactly."""
    vectorizer = CountVectorizer(analyzer=lambda words: words)
    counts = vectorizer.fit_transform([words for words, _ in rows["train"]])
    classifier = LogisticRegression(max_iter=200).fit(counts, [label for _, label in rows["train"]])
    for split in ("train", "test"):
        texts, labels = zip(*rows[split], strict=True)
        assert classifier.score(vectorizer.transform(texts), labels) == 0.5
    # The words are no riddle: with the order (which word follows the marker) the same classifier solves it.
    pairs = CountVectorizer(analyzer=lambda words: [words[decider(words)]])
    solved = LogisticRegression().fit(
        pairs.fit_transform([words for words, _ in rows["train"]]), [label for _, label in rows["train"]]
    )
    assert solved.score(pairs.transform(texts), labels) == 1


def test_nothing_else_tells_the_label(rows):
    """Lengths, places of the cues and which comes first are the same for both labels."""
    for split in rows.values():
        seen = {0: [], 1: []}
        first = {0: [], 1: []}
        for words, label in split:
            places = [k for k, word in enumerate(words) if is_cue(word)]
            seen[label].append((len(words), decider(words), *places))
            first[label].append(words[places[0]] in cue_distance.CUES[1])
        assert seen[0] == seen[1]
        assert np.mean(first[0]) == np.mean(first[1]) == 0.5


def test_the_last_words_alone_tell_nothing(rows):
    """Whoever reads the last d - 5 words of a sentence only can't tell twins apart, word order or not."""
    for words, _ in rows["test"]:
        place = decider(words)
        d = len(words) - 1 - place
        assert not any(map(is_cue, words[place + 1 + min(d, cue_distance.NEAR) :]))
    for (words, _), (twin, _) in zip(rows["test"][::2], rows["test"][1::2], strict=True):
        start = decider(words) + cue_distance.NEAR + 1
        assert words[start:] == twin[start:]


def test_test_has_as_many_sentences_at_each_distance_and_train_mixes_all(rows):
    distances = {split: [len(w) - 1 - decider(w) for w, _ in rows[split]] for split in rows}
    expected = cue_distance.tested_distances(LONGEST)
    assert expected[0] == 2
    assert expected[-1] == LONGEST
    found, counts = np.unique(distances["test"], return_counts=True)
    assert found.tolist() == expected
    assert set(counts) == {cue_distance.TEST_SENTENCES}
    assert set(distances["train"]) == set(range(2, LONGEST + 1))
    assert np.mean(np.array(distances["train"]) <= 8) == pytest.approx(7 / 39, abs=0.02)


def test_the_mixture_can_leave_out_the_nearer_half():
    drawn = cue_distance._draw_distances("train", 51, "far", random.Random(1))
    assert (min(drawn), max(drawn)) == (25, 51)
    assert set(drawn) == set(range(25, 52))
    assert cue_distance._draw_distances("test", 51, "far", None)[0] == 2  # tested at all distances


def test_the_mixture_can_be_even_in_log_d():
    distances = np.array(cue_distance._draw_distances("train", LONGEST, "log", random.Random(0)))
    assert set(distances) == set(range(2, LONGEST + 1))
    for d in (2, 8, 20):
        assert np.mean(distances <= d) == pytest.approx(np.log((d + 1) / 2) / np.log(41 / 2), abs=0.02)


def test_equal_seeds_give_equal_sentences():
    def first(seed):
        return [
            row
            for row, _ in zip(
                cue_distance.cue_distance_table(9, seed=seed).read("train"), range(50), strict=False
            )
        ]

    assert first(3) == first(3)
    assert first(3) != first(4)


# Through preprocessing ------------------------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(cue_distance, "SIZES", {"train": 400, "validation": 60})
    monkeypatch.setattr(cue_distance, "TEST_SENTENCES", 20)


def test_preprocessing_keeps_every_distance(study_root, small):
    manifest = preprocessing.preprocess(
        dataset="probe", embeddings="custom", dimensions=20, probe_longest=12, max_length=30
    )
    data = load_data()
    assert manifest["probe"] == {"longest": 12, "mixture": "even"}
    assert manifest["dataset"]["name"] == "probe"
    assert manifest["coverage"]["tokens"]["all"] > 0.99
    distances = cue_distance.cue_distances(data.splits["test"], data.vocabulary)
    assert np.unique(distances).tolist() == cue_distance.tested_distances(12)
    ends = np.cumsum(data.splits["test"].s)
    for row in (0, 1, 57):
        cue = data.vocabulary[data.splits["test"].x[ends[row] - 1 - distances[row]]]
        assert cue in cue_distance.CUES[data.splits["test"].y[row]]


def test_which_cue_stands_last_is_read_off_the_words(study_root, small):
    preprocessing.preprocess(dataset="probe", embeddings="custom", dimensions=20, probe_longest=12)
    data = load_data()
    for split in data.splits.values():
        last = cue_distance.decides_last(split, data.vocabulary)
        for row, ids in enumerate(np.split(split.x, np.cumsum(split.s)[:-1])):
            words = [data.vocabulary[k] for k in ids]
            others = [k for k, word in enumerate(words) if is_cue(word) and k != decider(words)]
            assert others
            assert all((k < decider(words)) == last[row] for k in others)
        assert np.mean(last) == 0.5


def test_other_data_is_not_taken_for_the_probe(data):
    with pytest.raises(UserError, match="not the cue-distance probe"):
        cue_distance.cue_distances(data.splits["test"], data.vocabulary)
    with pytest.raises(UserError, match="not the cue-distance probe"):
        cue_distance.decides_last(data.splits["test"], data.vocabulary)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"probe_longest": 1}, "2 or more, at most 5,000"),
        ({"probe_longest": 10**7}, "2 or more, at most 5,000"),
        ({"probe_longest": 2.5}, "whole number"),
        ({"probe_longest": 60, "max_length": 66}, "give 67 or more, or a smaller --probe-longest"),
        ({"max_length": 100}, "a cue 200 words before the end doesn't fit into --max-length 100"),
        ({"probe_longest": 60, "dataset": "imdb"}, "no meaning for a dataset other than probe"),
        ({"probe_mixture": "log", "dataset": "imdb"}, "no meaning for a dataset other than probe"),
        ({"probe_mixture": "odd"}, "choose one of even, log, far"),
    ],
)
def test_a_distance_that_does_not_fit_is_one_line(study_root, given, message):
    with pytest.raises(UserError, match=message) as error:
        preprocessing.preprocess(**{"dataset": "probe", "embeddings": "custom"} | given)
    assert "\n" not in str(error.value)
    assert not data_path("dataset.json").exists()
