"""Which label is negative and which positive, and which are kept secret."""

import pytest

from scripts.files.errors import UserError
from scripts.text.labels import DROPPED, check_same_classes, count_hidden, two_classes


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([1, 0], {0: 0, 1: 1}),
        ([True, False], {False: 0, True: 1}),
        ([1, 5], {1: 0, 5: 1}),
        (["Positive", "negative"], {"negative": 0, "Positive": 1}),
        (["neg", "pos"], {"neg": 0, "pos": 1}),
        (["1", "0"], {"0": 0, "1": 1}),
        (["10", "9"], {"9": 0, "10": 1}),
        (["fresh", "rotten"], {"rotten": 0, "fresh": 1}),
        (["Bad", "GOOD"], {"Bad": 0, "GOOD": 1}),
        (["true", "false"], {"false": 0, "true": 1}),
        (["Yes", "no "], {"no ": 0, "Yes": 1}),
        (["other", "negative"], {"negative": 0, "other": 1}),
        (["pos", "rest"], {"rest": 0, "pos": 1}),
        (["-1", "1"], {"-1": 0, "1": 1}),
        ([0.0, 1.0], {0.0: 0, 1.0: 1}),
        (["very positive", "Very Negative"], {"Very Negative": 0, "very positive": 1}),
        (["unhappy", "happy"], {"unhappy": 0, "happy": 1}),
        (["recommended", "not recommended"], {"not recommended": 0, "recommended": 1}),
        (["+", "-"], {"-": 0, "+": 1}),
        (["great", "terrible"], {"terrible": 0, "great": 1}),
        (["Awful", "Excellent"], {"Awful": 0, "Excellent": 1}),
        ([1, "0", "1", 0.0], {"0": 0, 0.0: 0, 1: 1, "1": 1}),
        (["Neg", "pos ", "neg", "Pos"], {"Neg": 0, "neg": 0, "pos ": 1, "Pos": 1}),
    ],
)
def test_two_labels_become_0_and_1(labels, expected):
    for order in (labels, labels[::-1]):
        warnings = []
        assert two_classes({"train": order}, warnings=warnings) == expected
        assert warnings == []


@pytest.mark.parametrize(
    ("labels", "first"),
    [
        (["love", "hate"], "hate"),
        (["positive a", "positive b"], "positive a"),
        (["10 stars", "2 stars"], "2 stars"),
        (["B", "a"], "a"),
    ],
)
def test_labels_that_only_the_alphabet_orders_are_said(labels, first):
    warnings, [second] = [], [label for label in labels if label != first]
    assert two_classes({"train": labels}, warnings=warnings) == {first: 0, second: 1}
    [said] = warnings
    assert f"{second!r} is taken as positive and {first!r} as negative" in said
    assert "write 0 (negative) and 1 (positive) in their place" in said
    written = [("0", "1")[label == second] for label in labels]  # as it says
    assert two_classes({"train": written}, warnings=warnings) == {"0": 0, "1": 1}
    assert len(warnings) == 1


@pytest.mark.parametrize(
    ("labels", "names", "positive", "said"),
    [
        ([0, 1], ["positive", "negative"], 0, 0),
        ([0, 1], ["negative", "positive"], 1, 0),
        ([0, 1], ["fresh", "rotten"], 0, 0),
        ([0, 1], ["b", "a"], 1, 1),
        ([0, 2], ["positive", "neutral", "negative"], 0, 0),
        ([0, 2], ["negative", "neutral", "positive"], 2, 0),
        ([1, 2], ["neutral", "pos", "neg"], 1, 0),
        ([0, 1], ["positive", "neutral", "negative"], 0, 0),
        ([0, 4], ["5 stars", "4 stars", "3 stars", "2 stars", "1 star"], 4, 1),
        ([0, 1], ["1", "0"], 0, 0),
        ([0, 1], ["10", "9"], 0, 0),
        ([2, 3], ["a", "b", "4", "-4"], 2, 0),
        (["1", "0"], ["bad", "good"], "1", 0),
        ([0.0, 1.0], ["good", "bad"], 0.0, 0),
        ([3, 5], ["bad", "good"], 5, 0),  # no names of these
    ],
)
def test_names_of_classes_tell_which_is_positive(labels, names, positive, said):
    [negative] = [label for label in labels if label != positive]
    for order in (labels, labels[::-1]):
        warnings = []
        assert two_classes({"train": order}, names, warnings) == {negative: 0, positive: 1}
        assert len(warnings) == said


def test_a_row_without_text_needs_no_label():
    labels = {"train": [0, DROPPED, 1, None, 1]}
    with pytest.raises(UserError, match=r"row 4 of split 'train' has no label \(1 of 5"):
        two_classes(labels)
    labels["train"].remove(None)
    assert two_classes(labels) == {0: 0, 1: 1}


@pytest.mark.parametrize(
    ("hidden", "count"),
    [
        ([-1, -1], 2),
        ([None, None, None], 3),
        ([float("nan")], 1),
        (["", "  "], 2),
        (["-1", "-1.0"], 2),
        ([1, None, 0], 1),
        ([1, -1, -1, 0], 2),
    ],
)
def test_a_test_split_that_lacks_labels_is_hidden(hidden, count):
    labels = {"train": [0, 1], "test": hidden}
    assert count_hidden("test", labels) == count
    assert two_classes(labels) == {0: 0, 1: 1}


@pytest.mark.parametrize("test", [[-1, 1], [-1, -1], ["-1", "1"]])
def test_minus_one_hides_nothing_where_it_is_a_class(test):
    labels = {"train": [1, -1, 1], "test": test}
    assert count_hidden("test", labels) == 0
    assert {-1: 0, 1: 1}.items() <= two_classes(labels).items()


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ({"train": [0, 1], "validation": [-1, -1]}, "-1 .in validation.*, not 3"),
        ({"train": [0, 1, None]}, "row 3 of split 'train' has no label"),
        ({"train": [0, 1], "validation": [1, " "]}, "row 2 of split 'validation' has no label"),
        ({"test": [0, 1, None]}, "row 3 of split 'test' has no label"),  # the only split is train
        ({"train": [0, 1], "test": [0, 2]}, "2 .in test.*, not 3"),
    ],
)
def test_elsewhere_a_missing_label_is_named(labels, complaint):
    with pytest.raises(UserError, match=complaint):
        two_classes(labels)


def facts_of(labels, names=(None, None)):
    """What a corpus says of its labels, the negative one first."""
    return {
        "labels": dict(zip("01", labels, strict=True)),
        "label_names": dict(zip("01", names, strict=True)),
    }


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (([0, 1],), ([0, 1],)),
        (([0, 1], ["negative", "positive"]), ([0, 1],)),
        (([0, 1],), (["neg", "pos"],)),
        ((["bad", "good"],), (["rotten", "fresh"],)),
        (([1, 2],), ([1, 2],)),
        ((["hate", "love"],), (["Hate", "love"],)),
        (([2, 0], ["negative", "positive"]), ([0, 1], ["neg", "pos"])),
    ],
)
def test_classes_that_are_certainly_the_same(ours, theirs):
    check_same_classes("a", facts_of(*ours), "b", facts_of(*theirs))
    check_same_classes("b", facts_of(*theirs), "a", facts_of(*ours))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (([0, 1],), ([1, 2],)),
        (([0, 1],), (["hate", "love"],)),
        (([1, 0], ["negative", "positive"]), ([0, 1],)),  # is 0 positive there too?
        ((["a", "b"],), (["b", "c"],)),
    ],
)
def test_classes_that_may_differ_are_refused(ours, theirs):
    with pytest.raises(UserError, match=r"may not be the same: write 0 \(negative\) and 1 \(positive\)"):
        check_same_classes("a", facts_of(*ours), "b", facts_of(*theirs))


@pytest.mark.parametrize("nothing", [None, float("nan"), "", " ", "NA", "n/a", "NaN", "null", "?"])
def test_texts_that_stand_for_no_label_hide_a_test_split_and_are_named_elsewhere(nothing):
    assert count_hidden("test", {"train": ["neg", "pos"], "test": [nothing, nothing]}) == 2
    with pytest.raises(UserError, match="row 2 of split 'train' has no label"):
        two_classes({"train": ["neg", nothing, "pos"]})
