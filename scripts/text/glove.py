"""Word vectors as text: one line per word, the word and D numbers with single spaces between.

That is GloVe's format. word2vec and fastText add a first line, with the numbers of words and of values, and
a blank at the end of each line; both are read, as are gzip'ed files.

`read_glove` passes over the lines once. Its memory depends on the words that are asked for, not on the size
of the file. Every line is checked, and one that holds no vector is named.
"""

import codecs
import gzip
import io
import re
import zlib
from collections import Counter
from contextlib import closing, contextmanager
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np

from scripts.files.data import RESERVED
from scripts.files.errors import UserError
from scripts.files.progress import progress_bar
from scripts.files.storage import checksum, readable, written_whole

BUFFER = 1 << 17  # bytes that the file is read in
BATCH = 1000  # lines parsed together
CHECKED = 200  # lines at the beginning whose values are all parsed
LONGEST_LINE = 1 << 20  # bytes; a line of GloVe 840B 300d has 3,000
DIGITS = b"0123456789.-"  # the characters of plain numbers
BLANKS = "blanks other than a single one before each value"
GZIP = b"\x1f\x8b"
SAVE_AS_TEXT = "save it as text with gensim's save_word2vec_format(path, binary=False), and give that file"
OTHER_FORMS = {  # by the first bytes
    b"PK\3\4": "a zip archive: unpack it, and give the file of vectors in it",
    b"\xba\x16\x4f\x2f": "a fastText model: give the .vec file that belongs to it",
    b"\x80": f"a pickled object, as gensim saves it: {SAVE_AS_TEXT}",
}


class Vectors(NamedTuple):
    """The vectors that were found for a list of words."""

    index: np.ndarray  # (K,) places in the list of the words that have a vector, ascending
    values: np.ndarray  # (K, D) float32, their vectors
    unknown: np.ndarray  # (D,) float32, of an unknown word: the file's own, else the mean of the values
    name: str  # of the source
    checksum: str  # its SHA-256
    warnings: tuple = ()  # of texts


def read_glove(path, words):
    """Read the vectors of some words from a file in GloVe's text format.

    The values of the words that are asked for, and of the first lines, are parsed. In any other line it is
    enough that D blanks, and nothing but the characters of plain numbers, follow the word; if not (an
    exponent, a word with blanks, damage), its values are parsed too.

    Returns `Vectors`. Raises a UserError where the file is no GloVe text, a line has the wrong number of
    values or one that is no finite number, or none of the words, which hold no blanks, is there.
    """
    form = _find_form(path)
    wanted = {word.encode("utf-8", "surrogatepass"): place for place, word in enumerate(words)}
    wanted[RESERVED[1].encode()] = len(words)  # the file's own unknown word, past the end of the list
    places, values = [], []
    with closing(_find_lines(path, wanted, form)) as lines:
        while batch := list(islice(lines, BATCH)):
            rows = np.array([place is not None for place, _, _ in batch])
            places += [place for place, _, _ in batch if place is not None]
            values.append(_parse(batch, form.D, path)[rows])
    order = np.argsort(places)
    values = np.concatenate(values)[order] if values else np.empty((0, form.D), np.float32)
    vectors = make_vectors(np.array(places, int)[order], values, len(words), path.name, checksum(path))
    if form.promised <= form.found[0]:
        return vectors
    said = f"{path.name} holds {form.found[0]:,} vectors, but its first line promises {form.promised:,}"
    return vectors._replace(warnings=(f"{said}: it may have been cut off; download it again",))


def make_vectors(places, values, words, name, checksum):
    """Make `Vectors` from sorted places; the one past the end of the list of words is the unknown word's."""
    known = np.searchsorted(places, words)
    if not known:
        raise UserError(
            f"none of the {words} words of the dataset is in {name}: give vectors of its language"
        )
    unknown = values[known] if known < len(values) else values[:known].mean(axis=0)
    return Vectors(places[:known], values[:known], unknown, name, checksum)


def find_dimensions(path):
    """Find the number of values per line: the most frequent one of the first hundred lines."""
    return _find_form(path).D


def write_glove(path, words, vectors):
    """Write word vectors in GloVe's text format."""
    with written_whole(path) as file:
        for word, vector in zip(words, vectors, strict=True):
            values = " ".join([f"{value:.6g}" for value in vector.tolist()])
            file.write(f"{word} {values}\n".encode("utf-8", "surrogatepass"))


# Forms ----------------------------------------------------------------------------------------------------


class Form(NamedTuple):
    """How a file holds its vectors, judged by its beginning."""

    D: int  # values per word
    spaced: bool  # a blank ends each line
    promised: int  # vectors, by the first line; 0 without one
    found: list  # of one item: the number of vectors, once they are read


def _find_form(path):
    """The `Form` of a file; a UserError says what it is where it holds no vectors."""
    with _open_unpacked(path) as (file, _):
        lines = [_strip(line) for line in islice(_lines(file), 100)]
    first = lines[0].removeprefix(codecs.BOM_UTF8) if lines else b""
    if not first and len(lines) < 2:
        raise UserError(
            f"{path} is empty: give a file in GloVe's text format (a word and its values per line)"
        )
    spaced = 2 * sum(line.endswith(b" ") for line in lines[1:]) > len(lines[1:])
    counts = Counter(_count_numbers(line.removesuffix(b" ") if spaced else line) for line in lines)
    header = re.fullmatch(rb"(\d{1,12}) (\d{1,5}) ?", first)
    if header and not _is_text(lines[1:]):
        raise UserError(f"{path} is word2vec's binary form: {SAVE_AS_TEXT}")
    counts.pop(0, None)
    if not counts:
        other = "no text of word vectors: a word and its values per line, with single spaces between, were "
        other += "expected (unpack archives first)"
        what = next((what for start, what in OTHER_FORMS.items() if first.startswith(start)), other)
        raise UserError(f"{path} is {what}")
    D = min(counts, key=lambda count: (-counts[count], count))
    promised = int(header[1]) if header and int(header[2]) == D > 1 else 0
    return Form(D, spaced, promised, [0])


def _is_text(lines):
    """True if most lines end with a number that is spelt in digits, as those of vectors in text do."""
    return 2 * sum(_count_numbers(line.removesuffix(b" ")) > 0 for line in lines) >= len(lines)


@contextmanager
def _open_unpacked(path):
    """Open a file, and unpack it while it is read where it is gzip'ed; yields it and the file on the disk."""
    with readable(path), open(path, "rb", BUFFER) as raw:
        if raw.peek(2)[:2] != GZIP:
            yield raw, raw
            return
        try:
            with io.BufferedReader(gzip.GzipFile(fileobj=raw), BUFFER) as file:
                yield file, raw
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UserError(f"{path} can't be unpacked ({error}): download it again") from error


# Lines ----------------------------------------------------------------------------------------------------


def _find_lines(path, wanted, form):
    """Iterate over place (None: not wanted), number and values of lines to parse; `wanted` loses words."""
    D = form.D
    plain = [b" " * (D - 1) + end for end in (b"\n", b"\r\n")]  # what remains of plain values without digits
    without, number = 0, 0
    with _open_unpacked(path) as (file, raw), _show_progress(path) as bar:
        for number, line in enumerate(_without_last_blank(file) if form.spaced else _lines(file), 1):
            if number % 10_000 == 0:
                bar.update(raw.tell() - bar.n)
            word, _, values = line.partition(b" ")
            is_plain = values.translate(None, DIGITS) in plain and word and b"\0" not in word
            if is_plain and number > CHECKED:
                if word in wanted:
                    yield wanted.pop(word), number, _strip(values)
                continue
            word, values = _split_line(_strip(line), D, path, number)
            if word is None:
                without += 1
            else:
                yield wanted.pop(word, None), number, values  # of repeated words the first counts
    form.found[0] = number - without


def _show_progress(path):
    """A bar over the bytes of a file."""
    return progress_bar(desc="embeddings", total=path.stat().st_size, unit="B", unit_scale=True, leave=False)


def _without_last_blank(file):
    """Iterate over the lines of a file without the blank that ends each."""
    for line in _lines(file):
        yield _strip(line).removesuffix(b" ") + b"\n"


def _lines(file):
    """Iterate over the lines of an open file; one that is too long comes in pieces."""
    return iter(partial(file.readline, LONGEST_LINE), b"")


def _strip(line):
    """A line without its end."""
    return line.removesuffix(b"\n").removesuffix(b"\r")


def _split_line(line, D, path, number):
    """A line's word, which can hold blanks, and the text of its values; None and None of a header."""
    if number == 1:
        line = line.removeprefix(codecs.BOM_UTF8)
    if b"\0" in line:
        raise _bad_line(path, number, "a zero byte")
    if len(line) >= LONGEST_LINE - 1:
        raise UserError(
            f"{path} holds a line of more than {LONGEST_LINE} bytes, so it is no text of word vectors: give "
            "a file in GloVe's text format"
        )
    if line.count(b" ") < D and (not line.strip() or (number == 1 and re.fullmatch(rb"\d+ \d+", line))):
        return None, None  # an empty line, or word2vec's first
    pieces = line.rsplit(b" ", D)
    if len(pieces) <= D:
        raise _bad_line(path, number, f"{len(pieces) - 1} values where {D} were expected")
    if b" " in pieces[0] and pieces[0].strip():
        word, *more = pieces[0].split(b" ")
        if not more[-1] or b"" in pieces:
            raise _bad_line(path, number, BLANKS)
        numbers = list(filter(_is_number, more))  # "3 000" may be a word, "it 3.5" is none
        only_numbers = numbers == more and not _is_number(word) and b"." not in pieces[1]
        if only_numbers or any(b"." in piece for piece in numbers):
            raise _bad_line(path, number, f"{D + len(numbers)} values where {D} were expected")
    return pieces[0], b" ".join(pieces[1:])


def _parse(batch, D, path):
    """The values of some lines, (lines, D) float32; a UserError names the first without D finite numbers."""
    _, numbers, texts = zip(*batch, strict=True)
    values = _parse_fast(texts, D)
    if values is None:  # Python takes more spellings, and names the line that is bad
        values = [_parse_line(text, D, path, number) for text, number in zip(texts, numbers, strict=True)]
    with np.errstate(over="ignore"):
        values = np.asarray(values).astype(np.float32)
    if not (finite := np.isfinite(values).all(axis=1)).all():
        raise _bad_line(path, numbers[finite.argmin()], "a value that is no finite number")
    return values


def _parse_fast(texts, D):
    """The values of some lines, (lines, D) float64; None if one may not hold D numbers."""
    import pyarrow  # comes with datasets, and parses numbers four times as fast as Python
    import pyarrow.compute

    try:
        pieces = pyarrow.compute.split_pattern(pyarrow.array(texts, pyarrow.string()), " ")
        values = pieces.flatten().cast(pyarrow.float64())
    except pyarrow.ArrowInvalid:
        return None
    return values.to_numpy().reshape(-1, D) if (np.diff(pieces.offsets) == D).all() else None


def _parse_line(text, D, path, number):
    """The values of one line as a list; a UserError where they are not D numbers."""
    pieces = text.split(b" ")
    try:
        values = [float(piece) for piece in pieces]
    except ValueError as error:
        what = BLANKS if b"" in pieces else f"a value that is no number ({error})"
        raise _bad_line(path, number, what) from error
    if b"_" in text or text.split() != pieces:  # Python takes 1_0 for 10, and strips white space
        raise _bad_line(path, number, "a value that is no number (an underscore or white space is in it)")
    if len(values) != D:
        raise _bad_line(path, number, f"{len(values)} values where {D} were expected")
    return values


def _count_numbers(line):
    """Count the numbers that end a line, after its word."""
    _, *pieces = line.split(b" ")
    return next((k for k, piece in enumerate(reversed(pieces)) if not _is_number(piece)), len(pieces))


def _is_number(piece):
    """True if a piece of a line is a number."""
    try:
        float(piece)
    except ValueError:
        return False
    return b"_" not in piece  # Python's own way of writing 1_000


def _bad_line(path, number, what):
    """The error for a line that is no vector."""
    return UserError(f"line {number} of {path} has {what}: correct or delete it, or download the file again")
