"""Word vectors as fastText and word2vec write them, packed or not."""

import gzip

import numpy as np
import pytest

from scripts.files.errors import UserError
from scripts.files.storage import checksum
from scripts.text import glove
from scripts.text.glove import read_glove

WORDS = ["the", "film", "naïve", "</s>"]
VALUES = np.float32([[1, -2.5, 0.25], [0.5, 3, -4], [7, 8, 9], [0.125, 0, 1]])


def as_text(end=" \n", header=True, words=WORDS, values=VALUES):
    lines = [f"{len(words)} {values.shape[1]}\n"] if header else []
    lines += [
        " ".join([word, *map(str, row)]) + end for word, row in zip(words, values.tolist(), strict=True)
    ]
    return "".join(lines).encode()


FORMS = {
    "fasttext": as_text(),
    "fasttext-crlf": as_text(" \r\n"),
    "word2vec-without-header": as_text(header=False),
    "word2vec-by-gensim": as_text("\n"),
    "last-line-unended": as_text()[:-1],
    "last-blank-missing": as_text()[:-2],
}


@pytest.mark.parametrize("packed", [False, True], ids=["", "gzip"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("checked", [1, 200])
def test_other_forms_are_read(file, form, packed, checked, monkeypatch):
    monkeypatch.setattr(glove, "CHECKED", checked)
    path = file(gzip.compress(FORMS[form]) if packed else FORMS[form])
    vectors = read_glove(path, ["film", "absent", "the", "naïve"])
    assert vectors.index.tolist() == [0, 2, 3]
    np.testing.assert_array_equal(vectors.values, VALUES[[1, 0, 2]])
    assert (vectors.checksum, vectors.warnings) == (checksum(path), ())


def test_glove_may_be_packed_too(file):
    path = file(gzip.compress(b"the 1 2\nfilm 3 4\n. . 5 6\n"))
    vectors = read_glove(path, ["film", "the"])
    assert vectors.values.tolist() == [[3, 4], [1, 2]]
    assert vectors.checksum == checksum(path)


def test_many_vectors_are_read_across_the_borders_of_what_is_read_at_once(file, monkeypatch):
    monkeypatch.setattr(glove, "BUFFER", 64)
    rng = np.random.default_rng(0)
    words = [f"w{'x' * (i % 70)}{i}" for i in range(500)]
    values = rng.normal(size=(500, 7)).astype(np.float32)
    content = as_text(" \n", True, words, values)
    for packed in (content, gzip.compress(content)):
        vectors = read_glove(file(packed), words[::3])
        np.testing.assert_array_equal(vectors.values, values[::3])


def test_lines_that_end_with_a_blank_are_checked_as_well(file, monkeypatch):
    monkeypatch.setattr(glove, "CHECKED", 2)
    good = "".join(f"w{i} 1.0 2.0 3.0 \n" for i in range(200))
    for values in ("1.0 2.0 ", "1.0 2.0 3.0 4.0 ", "1.0 2.0 3.0 4.0", "1.0 2.0 x ", "1.0 2.0 3.0  "):
        for words in (["w0"], ["w0", "bad"]):
            with pytest.raises(UserError, match=r"line 202 of .* has"):
                read_glove(file(f"201 3\n{good}bad {values}\n"), words)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (as_text("\n", words=WORDS[:2], values=VALUES[:2]).replace(b"2 3", b"5 3", 1), 2),
        (as_text(" \n", words=WORDS[:3], values=VALUES[:3]).replace(b"3 3", b"4000 3", 1), 3),
        (as_text() + b"\n\n", 4),
    ],
)
def test_fewer_vectors_than_promised_are_said(file, content, found):
    for packed in (content, gzip.compress(content)):
        vectors = read_glove(file(packed), ["the", "film"])
        assert vectors.values.tolist() == VALUES[:2].tolist()
        if found == 4:
            assert vectors.warnings == ()
        else:
            [said] = vectors.warnings
            assert f"vectors.txt holds {found} vectors, but its first line promises" in said


def test_a_damaged_archive_is_one_line(file):
    packed = gzip.compress(as_text() * 100)
    for damaged in (packed[:-20], packed[:60] + bytes(20) + packed[80:], packed[:-8] + bytes(8)):
        with pytest.raises(UserError, match=r"can't be unpacked|line \d+ of"):
            read_glove(file(damaged), ["the"])


@pytest.mark.parametrize("packed", [False, True], ids=["", "gzip"])
@pytest.mark.parametrize("newline", [b"\n", b""])
@pytest.mark.parametrize("D", [3, 100])
def test_the_binary_form_is_named_with_the_remedy(file, newline, packed, D):
    rng = np.random.default_rng(0)
    for scale in (0.01, 1, 1000):
        rows = rng.normal(scale=scale, size=(400, D)).astype("<f4")
        entries = [f"w{i} ".encode() + row.tobytes() + newline for i, row in enumerate(rows)]
        content = f"400 {D}\n".encode() + b"".join(entries)
        said = r"is word2vec's binary form: save it as text with .*save_word2vec_format\(path, binary=False\)"
        with pytest.raises(UserError, match=said):
            read_glove(file(gzip.compress(content) if packed else content), ["w1"])
