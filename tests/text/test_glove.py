"""GloVe's text format: what is read, what is refused, and in which words."""

import gc
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.files.errors import UserError
from scripts.files.storage import checksum
from scripts.text import glove
from scripts.text.glove import read_glove, write_glove


def test_the_words_that_occur_are_kept_and_only_they(file):
    path = file("the 1 2.5 -3e-1\nfilm .5 0 4\nother 7 7 7\n")
    vectors = read_glove(path, ["film", "absent", "the"])
    assert vectors.index.tolist() == [0, 2]
    np.testing.assert_array_equal(vectors.values, np.float32([[0.5, 0, 4], [1, 2.5, -0.3]]))
    np.testing.assert_allclose(vectors.unknown, vectors.values.mean(axis=0))
    assert vectors.values.dtype == np.float32
    assert (vectors.name, vectors.checksum) == ("vectors.txt", checksum(path))


def test_the_files_own_unknown_word_is_used(file):
    vectors = read_glove(file("a 1 2\n<unk> 8 9\nb 3 4\n"), ["b", "a"])
    assert vectors.index.tolist() == [0, 1]
    assert vectors.unknown.tolist() == [8, 9]


def test_words_that_hold_blanks_are_parsed_from_the_right(file):
    lines = (
        ". . . 9 9 9\n. 1 2 3\nat name@domain.com 9 9 9\nat 4 5 6\n\u00a0 9 9 9\na\u0085b 9 9 9\nab 7 8 9\n"
    )
    vectors = read_glove(file(lines), [".", "at", "ab"])
    assert vectors.values.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_the_first_of_repeated_words_counts(file):
    assert read_glove(file("a 1 2\na 3 4\nb 5 6\n"), ["a", "b"]).values.tolist() == [[1, 2], [5, 6]]


@pytest.mark.parametrize(
    "content",
    [
        "3 2\na 1 2\nb 3 4\nc 5 6\n",  # word2vec's first line
        "a 1 2\r\nb 3 4\r\nc 5 6\r\n",
        "a 1 2\nb 3 4\nc 5 6",  # no newline at the end
        "a 1 2\n\nb 3 4\nc 5 6\n\n",
        b"\xff\xfe 0 0\na 1 2\nb 3 4\nc 5 6\n",  # no UTF-8 elsewhere in the file
    ],
)
def test_common_variants_of_the_format_are_read(file, content):
    assert read_glove(file(content), ["a", "b", "c"]).values.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_words_beyond_ascii_are_found(file):
    assert read_glove(file("naïve 1 2\n“ 3 4\n"), ["“", "naïve"]).values.tolist() == [[3, 4], [1, 2]]


@pytest.mark.parametrize("dimensions", [1, 2, 7, 300])
def test_any_number_of_dimensions(file, dimensions):
    line = " 0.5" * dimensions
    path = file(f"one{line}\ntwo words{line}\n3{line}\n")
    assert read_glove(path, ["one"]).values.shape == (1, dimensions)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("bad 1.0 2.0", "line 3 of .* has 2 values where 3 were expected"),
        ("other 1.0 2.0", "line 3 of .* has 2 values where 3 were expected"),  # whether it occurs or not
        ("bad 1.0 2.0 3.0 4.0", "line 3 of .* has values or blanks beyond the 3"),
        ("bad 1.0 x 3.0", "line 3 of .* has a value that is no finite number"),
        ("bad 1_0 2.0 3.0", "line 3 of .* has a value that is no finite number"),  # float() takes it for 10
        ("bad 1.0  3.0", "line 3 of .* no finite number, or two blanks together"),
        ("bad 1.0  2.0 3.0", "line 3 of .* has values or blanks beyond the 3"),
        ("bad  1.0 2.0 3.0", "line 3 of .* has values or blanks beyond the 3"),
        ("bad 1.0 2.0 3.0 ", "line 3 of .* has values or blanks beyond the 3"),
        ("bad 1.0 nan 3.0", "line 3 of .* has a value that is no finite number"),
        ("bad 1.0 1e300 3.0", "line 3 of .* has a value that is no finite number"),
    ],
)
@pytest.mark.parametrize("word", ["bad", "c"], ids=["occurs", "does-not-occur"])
def test_a_bad_line_is_named(file, word, line, complaint):
    path = file(f"a 1.0 2.0 3.0\nb 1.0 2.0 3.0\n{line}\nc 1.0 2.0 3.0\n")
    with pytest.raises(UserError, match=complaint):
        read_glove(path, ["a", word])


@pytest.mark.parametrize(
    "line",
    [
        "bad 1.0 x 3.0",
        "bad 1.0 1_0 3.0",
        "bad 1.0 1,5 3.0",
        "bad 1.0 inf 3.0",
        "bad 1.0 2.0",
        "bad",
        "bad 1.0 2.0 3.0 4.0",
        "bad 1.0 2.0bad 1.0 2.0 3.0",
        "3 1.0 2.0bad 1.0 2.0 3.0",
        "bad 1.0 2.0 \0\0\0 3.0",
        "bad\0 1.0 2.0 3.0",
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_past_the_beginning_lines_are_checked_too(file, line, newline, monkeypatch):
    monkeypatch.setattr(glove, "CHECKED", 10)
    lines = [f"w{i} 1.0 2.0 3.0" for i in range(200)]
    for place in (101, 200):  # counted from 1; the last is the end of the file
        path = file(newline.join([*lines[: place - 1], line, *lines[place:]]))
        for words in (["w0"], ["w0", "bad"], ["w0", f"w{place}"]):
            with pytest.raises(UserError, match=f"line {place} "):
                read_glove(path, words)


@pytest.mark.parametrize("header", ["", "2 3\n"])
def test_a_double_spaced_file_is_told_what_is_wrong_with_it(file, header):
    path = file(f"{header}a  1.0  2.0  3.0\nb  4.0  5.0  6.0\n")
    with pytest.raises(
        UserError, match=f"line {1 + len(header) // 4} of .* has values or blanks beyond the 1"
    ):
        read_glove(path, ["a"])


def test_a_mark_at_the_start_is_no_part_of_the_first_word(file):
    path = file(b"\xef\xbb\xbfa 1 2\nb 3 4\n")
    vectors = read_glove(path, ["a", "b"])
    assert vectors.values.tolist() == [[1, 2], [3, 4]]
    assert vectors.checksum == checksum(path)
    with pytest.raises(UserError, match="is empty"):
        read_glove(file(b"\xef\xbb\xbf"), ["a"])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "is empty"),
        ("just some prose\nwithout a number\n", "no text of word vectors"),
        (b"PK\x03\x04\x00\x00\x00", "is a zip archive: unpack it"),
        (b"BZh91AY&SY\x00\x00", r"no text of word vectors.*\(unpack archives first\)"),
        (b"\xba\x16\x4f\x2f\x0c\x00\x00\x00d\x00", "is a fastText model: give the .vec file"),
        (b"\x80\x04\x95\x00\x01gensim", "is a pickled object, as gensim saves it"),
        ("else 1 2\nmore 3 4\n", "none of the 1 words"),
        (b"a 1 2\nb 3 4\n" + b"x" * (3 << 20), "a line of more than"),
    ],
)
def test_what_is_no_file_of_vectors_is_refused(file, content, complaint):
    with pytest.raises(UserError, match=complaint):
        read_glove(file(content), ["a" if isinstance(content, bytes) else "word"])


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (f"bad 1.0 {'9' * 60} 3.0", "a value that is no finite number"),
        ("bad 1e5 2.0", "2 values where 3 were expected"),  # the "e" makes up for the missing blank
        ("bad 1.0 \t2.0", "2 values where 3 were expected"),
        ("bad 1.0 2.0\x0c 3.0", "a value that is no finite number"),
        ("bad 1.0 2.0/3.0 4.0", "a value that is no finite number"),
        ("bad 1.0  3.0", "a value that is no finite number, or two blanks together"),
        ("bad 1.0 2.0\r 3.0", "a value that is no finite number"),
        ("bad 1.0 1_0 3.0", "a value that is no finite number"),
    ],
)
def test_a_wanted_line_is_read_strictly_wherever_it_stands(file, line, complaint, monkeypatch):
    monkeypatch.setattr(glove, "CHECKED", 1)
    path = file(f"a 1.0 2.0 3.0\nb 1.0 2.0 3.0\n{line}\nc 1.0 2.0 3.0\n")
    with pytest.raises(UserError, match=f"line 3 .* has {complaint}"):
        read_glove(path, ["bad"])


@pytest.mark.parametrize(
    "line", ["w \r1", "w 1\r2", "w 1 2\r3", "w \r1 2", "w 1 \ufeff2", "w \ufeff1 2", "w 1 2\u00a0"]
)
def test_what_only_some_readers_pass_over_is_no_number(file, line, monkeypatch):
    monkeypatch.setattr(glove, "CHECKED", 1)
    right = " 5" * line.count(" ")
    path = file("".join(f"{word}{right}\n" for word in "abc") + f"{line}\nd{right}\n")
    with pytest.raises(UserError, match=r"line 4 .* has a value that is no finite number"):
        read_glove(path, ["a", "w", "d"])


def test_a_missing_value_and_one_too_many_do_not_make_up_for_each_other(file, monkeypatch):
    monkeypatch.setattr(glove, "CHECKED", 1)
    for lines in ("v \nw 7\r8", "v 7\r8\nw ", "v  1\nw 7"):
        with pytest.raises(UserError, match=r"line [45] "):
            read_glove(file(f"a 1\nb 2\nc 3\n{lines}\nz 9\n"), ["a", "v", "w", "z"])
    for words in (["a", "w"], ["w"]):
        with pytest.raises(UserError, match=r"line 4 .* or two blanks together"):
            read_glove(file("a 1\nb 2\nc 3\nw \n"), words)
    for lines in ("v 1 \nw 2 3 4", "v 1 2 3\nw 4"):
        with pytest.raises(UserError, match=r"line [45] "):
            read_glove(file(f"a 1 2\nb 2 3\nc 3 4\n{lines}\nz 9 8\n"), ["a", "v", "w", "z"])


def test_numbers_are_those_that_python_reads(file, monkeypatch):
    monkeypatch.setattr(glove, "CHECKED", 1)
    rng = np.random.default_rng(0)
    numbers = [
        f"{value:.{digits}g}"
        for value, digits in zip(rng.normal(size=60), rng.integers(1, 19, 60), strict=True)
    ]
    numbers += ["+0.5", "5.", ".5", "-1e-05", "1E+05", "1e-400", "-0", "0.1000000014901161193847656"] * 3
    rows = np.array(numbers).reshape(-1, 4)
    lines = [f"w{k} {' '.join(row)}" for k, row in enumerate(rows)]
    expected = np.array([list(map(float, row)) for row in rows]).astype(np.float32)
    vectors = read_glove(file("\n".join(lines)), [f"w{k}" for k in range(len(lines))])
    np.testing.assert_array_equal(vectors.values, expected)


@pytest.mark.parametrize("word", ["1" * 40, "x" * 31, "x" * 32, "é" * 20])
def test_only_the_very_word_is_found(file, word, monkeypatch):
    monkeypatch.setattr(glove, "CHECKED", 1)
    path = file(f"a 1.0 2.0\n{word} 3.0 4.0\nb 5.0 6.0\n")
    assert read_glove(path, ["film", "b"]).values.tolist() == [[5, 6]]
    assert read_glove(path, ["film", word]).values.tolist() == [[3, 4]]


def read_bytes(content, words):
    """`read_glove` of a file with that content, whose first two lines are checked fully."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(glove, "CHECKED", 2)
        path = Path(folder) / "vectors.txt"
        path.write_bytes(content)
        return read_glove(path, words)


NUMBER = st.floats(-9, 9, width=32).flatmap(
    lambda value: st.sampled_from([f"{value:.6f}", f"{value:.5g}", repr(value), f"{value:+.3e}"])
)
WORD = st.one_of(
    st.sampled_from(
        ["the", "a", ".", "3", "1999", "<unk>", "naïve", "at name@domain.com", ". . .", "x" * 40]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters=" \n\r\0"), min_size=1, max_size=6),
)
TEXT = st.lists(st.tuples(WORD, st.lists(NUMBER, min_size=3, max_size=3)), min_size=1, max_size=30)


@settings(max_examples=100, deadline=None)
@given(TEXT, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_it_reads_what_a_plain_reader_reads(text, newline, ended):
    lines = [" ".join([word, *values]) for word, values in text]
    content = newline.join(lines) + newline * ended
    plain = {}
    for word, values in text:
        plain.setdefault(word, np.array([float(value) for value in values], np.float32))
    wanted = [word for word in plain if word != "<unk>" and " " not in word] or ["none"]
    found = [word for word in wanted if word in plain]
    if not found:
        with pytest.raises(UserError, match="none of the"):
            read_bytes(content.encode(), wanted)
        return
    vectors = read_bytes(content.encode(), [*wanted, "absent"])
    assert [wanted[place] for place in vectors.index] == found
    np.testing.assert_array_equal(vectors.values, [plain[word] for word in found])


DAMAGE = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        [b"", b" ", b"\0" * 20, b"\r", b"1_0", b"inf", b"nan 1", b"1e999", b"3 2", b"\xef\xbb\xbf", b"\t"]
    ),
)


@settings(max_examples=200, deadline=None)
@given(
    TEXT,
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 40), DAMAGE), max_size=4),
)
def test_whatever_the_bytes_only_the_documented_error_comes_out(text, damages):
    content = "\n".join(" ".join([word, *values]) for word, values in text).encode()
    for place, size, damage in damages:
        content = content[:place] + damage + content[place + size :]
    words = [word for word, _ in text if word.isprintable() and " " not in word]
    try:
        vectors = read_bytes(content, [*dict.fromkeys(words)])
    except UserError:
        return
    assert len(vectors.index) == len(vectors.values) > 0
    assert np.isfinite(vectors.values).all()


def test_what_is_written_is_read_back(tmp_path):
    words = ["a", "naïve", "(", "n't"]
    vectors = np.random.default_rng(0).normal(size=(4, 20)).astype(np.float32)
    write_glove(tmp_path / "v.txt", words, vectors)
    back = read_glove(tmp_path / "v.txt", words)
    np.testing.assert_allclose(back.values, vectors, rtol=1e-5)


def test_a_short_line_is_seen_beside_a_word_with_a_blank(file, monkeypatch):
    """Together the two lines have the right number of blanks."""
    monkeypatch.setattr(glove, "CHECKED", 10)
    rest = "".join(f"w{i} 1.0 2.0 3.0\n" for i in range(100))
    with pytest.raises(UserError, match=r"line 101 .*2 values where 3"):
        read_glove(file(f"{rest}odd 1.0 2.0\ntwo words 1.0 2.0 3.0\n"), ["w0"])
    path = file(f"{rest}two words 1.0 2.0 3.0\n. . . 4.0 5.0 6.0\nlast -1e-3 2 3\n")
    assert read_glove(path, ["w0", "last"]).index.tolist() == [0, 1]


@pytest.mark.parametrize("line", ["w 1 x", "w 1", "w 1 \0"])
def test_a_refused_file_is_closed_at_once(file, line, monkeypatch):
    """No garbage collector needed."""
    monkeypatch.setattr(glove, "CHECKED", 1)
    opened = []

    def open_and_keep(*given):
        opened.append(open(*given))  # noqa: SIM115 (the reader closes it)
        return opened[-1]

    monkeypatch.setattr(glove, "open", open_and_keep, raising=False)
    path = file("a 1 2\nb 3 4\nc 5 6\n" * 100 + line + "\nd 7 8\ne 9 0" * 100)
    gc.disable()
    try:
        with pytest.raises(UserError, match="line 301 "):
            read_glove(path, ["a", "w", "d", "e"])
        assert opened
        assert all(each.closed for each in opened)
    finally:
        gc.enable()


def test_a_file_that_can_not_be_read_is_said_in_one_line(tmp_path, monkeypatch, file):
    path = file("a 1 2\nb 3 4\n")

    def locked(*_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(glove, "open", locked, raising=False)
    with pytest.raises(UserError, match=r"vectors\.txt could not be read \(Permission denied\)"):
        read_glove(path, ["a"])
    monkeypatch.undo()
    with pytest.raises(UserError, match="could not be read"):
        read_glove(tmp_path, ["a"])
