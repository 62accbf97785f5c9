"""The split rule: pieces of one sentence stay on one side."""

import time
from pathlib import Path

import numpy as np
import pytest

from scripts.files.errors import UserError
from scripts.text.splits import LONG, carve, find_sources, unite, whole_texts

SST2 = Path(__file__).resolve().parents[3] / "shared" / "sst2"


def lengths_of(sentences):
    return np.array([len(sentence.split()) for sentence in sentences])


def contains(sentence, row):
    """Whether the tokens of a row stand in a sentence one after the other: the definition, spelt out."""
    sentence, row = sentence.split(), row.split()
    return any(sentence[i : i + len(row)] == row for i in range(len(sentence) - len(row) + 1))


def phrases(seed, sentences=60, words=12):
    """Different sentences of few words, some of them beginning alike, and pieces of them, shuffled."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(sentences):
        tokens = [f"w{word}" for word in rng.integers(0, words, rng.integers(3, 16))]
        if rows and rng.random() < 0.2:
            tokens = rows[-1].split()[:7] + tokens  # quotes the last row
        rows.append(" ".join(tokens))
        for _ in range(5):
            start = rng.integers(0, len(tokens))
            rows.append(" ".join(tokens[start : start + rng.integers(1, 9)]))
    return list(dict.fromkeys(rows[i] for i in rng.permutation(len(rows))))


@pytest.mark.parametrize("seed", range(3))
def test_sources_are_the_rows_contained_in_no_longer_row(seed):
    rows = phrases(seed)
    lengths = lengths_of(rows)
    within = find_sources(rows)
    expected = {
        row
        for row in rows
        if not any(contains(other, row) for other in rows if len(other.split()) > len(row.split()))
    }
    assert {rows[i] for i in np.unique(within.indices)} == expected
    for i, row in enumerate(rows):
        found = {rows[j] for j in within.indices[within.indptr[i] : within.indptr[i + 1]]}
        assert found == {source for source in expected if contains(source, row)}
    assert (lengths[within.indices] >= np.repeat(lengths, np.diff(within.indptr))).all()


def rows_of(words, lengths, count, seed=0, chances=None):
    """Different rows of words drawn at random, lengths drawn from a range."""
    rng = np.random.default_rng(seed)
    drawn = (rng.choice(words, rng.integers(*lengths), p=chances) for _ in range(count))
    return list(dict.fromkeys(" ".join(map(str, row)) for row in drawn))


@pytest.mark.parametrize(
    "rows",
    [
        rows_of(2, (1, 20), 300),
        rows_of(2, (1, 20), 600, chances=[0.97, 0.03]),
        rows_of(2, (1, 90), 100),
        rows_of(2, (7, 8), 300),
        rows_of(4, (1, 12), 300),
        rows_of(300, (1, 12), 300),
        rows_of(1, (1, 40), 100),
        phrases(0),
        phrases(1, words=200),
        ["a"],
        ["a b", "b a", "a b a", "b"],
    ],
    ids=lambda rows: f"{len(rows)}-rows",
)
def test_sources_are_those_of_the_definition(rows):
    within = find_sources(rows)
    longer = [
        {j for j, other in enumerate(rows) if contains(other, row) and len(other.split()) > len(row.split())}
        for row in rows
    ]
    for i, row in enumerate(rows):
        found = within.indices[within.indptr[i] : within.indptr[i + 1]].tolist()
        assert found == ([j for j in sorted(longer[i]) if not longer[j]] or [i]), row


def test_many_rows_of_two_words_take_seconds():
    rows = rows_of(2, (12, 24), 30_000)
    start = time.process_time()
    within = find_sources(rows)
    assert time.process_time() - start < 15  # a minute or more where each is compared with all
    assert within.shape == (len(rows), len(rows))


def test_a_word_is_not_found_inside_another_word():
    within = find_sources(["an art film", "art", "artful film"])
    assert within.toarray().tolist() == [[True, False, False], [True, False, False], [False, False, True]]


def test_sources_that_share_a_long_row_are_united():
    shared = "what a long strange trip"
    rows = [f"{shared} it was", f"they said {shared}", shared, "what a film", "what a bore", "what a"]
    sources, groups = unite(find_sources(rows), lengths_of(rows))
    assert sources.tolist() == [0, 1, 3, 4]
    assert groups[0] == groups[1]
    assert len(set(groups)) == 3  # "what a" is too short to unite
    assert len(shared.split()) == LONG


@pytest.mark.parametrize("parts", [["validation"], ["test", "validation"]])
@pytest.mark.parametrize("seed", range(3))
def test_no_long_row_crosses_and_no_text_is_on_both_sides(parts, seed):
    rows = phrases(seed, sentences=200, words=30)
    lengths = lengths_of(rows)
    within = find_sources(rows)
    part, source = carve(within, lengths, parts, seed)
    assert set(part) == set(range(len(parts) + 1))
    for k in range(len(parts) + 1):
        inside, outside = np.flatnonzero(part == k), np.flatnonzero(part != k)
        assert not {rows[i] for i in inside} & {rows[i] for i in outside}
        long_rows = {rows[i] for i in inside if lengths[i] >= LONG}
        assert not any(contains(rows[j], row) for row in long_rows for j in outside)
    for i in range(len(rows)):  # a row goes where all its sources are, else it stays in train
        homes = {part[j] for j in within.indices[within.indptr[i] : within.indptr[i + 1]]}
        assert part[i] == (homes.pop() if len(homes) == 1 else 0)
        assert contains(rows[source[i]], rows[i])
    if len(parts) == 1:  # every row names a source of its own side
        assert (part[source] == part).all()


def test_a_tenth_is_carved_out_for_each_part():
    rows = [f"a film called number{i} and no other" for i in range(200)]
    part, source = carve(find_sources(rows), lengths_of(rows), ["test", "validation"], 0)
    assert np.bincount(part).tolist() == [160, 20, 20]
    assert source.tolist() == list(range(200))


def test_equal_seeds_split_alike():
    rows = phrases(0, sentences=200, words=30)
    within, lengths = find_sources(rows), lengths_of(rows)
    first, again, other = (carve(within, lengths, ["validation"], seed)[0] for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_whole_texts_lie_within_themselves_only():
    rows = ["a film", "a film worth a look", *(f"film number{i}" for i in range(40))]
    part, source = carve(whole_texts(len(rows)), lengths_of(rows), ["validation"], 3)
    assert np.bincount(part).tolist() == [38, 4]
    assert source.tolist() == list(range(42))


def test_too_few_rows_are_refused():
    rows = ["one film", "two films"]
    with pytest.raises(UserError, match="too few to carve test and validation"):
        carve(find_sources(rows), lengths_of(rows), ["test", "validation"], 0)


@pytest.mark.skipif(not SST2.is_dir(), reason="needs the copy of SST-2 in ../shared")
def test_sst2_has_as_many_sources_and_groups_as_counted():
    from pyarrow import parquet

    column = parquet.read_table(SST2 / "data" / "train-00000-of-00001.parquet")["sentence"]
    rows = list(dict.fromkeys(" ".join(text.split()) for text in column.to_pylist()))
    sources, groups = unite(find_sources(rows), lengths_of(rows))
    assert (len(sources), groups.max() + 1) == (6886, 6835)
