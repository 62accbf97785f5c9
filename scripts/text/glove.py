"""Word vectors as text: one line per word, the word and D numbers, separated by single spaces.

That is GloVe's format. word2vec and fastText add a first line with the numbers of words and of values, and a
blank at the end of each line; both are read, also gzipped. `embeddings.py` calls :func:`read_glove`, which
reads a file once, checks every line, and keeps only the words that are asked for in memory.
"""

import codecs
import gzip
import re
import zlib
from collections import Counter
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np

from scripts.files.data import RESERVED
from scripts.files.errors import UserError
from scripts.files.progress import progress_bar
from scripts.files.storage import checksum, readable, written_whole

BUFFER = 1 << 17  # bytes that the file is read in
CHECKED = 200  # lines at the beginning whose values are parsed in any case
LONGEST_LINE = 1 << 20  # bytes; a line of GloVe 840B 300d has 3,000
DIGITS = b"0123456789.-"  # the characters of plain numbers
LARGEST = float(np.finfo(np.float32).max)
NUMERALS = DIGITS + b"+eE"  # of all numbers, except those that only Python reads: 1_000, nan
GZIP = b"\x1f\x8b"
SAVE_AS_TEXT = "save it as text with gensim's save_word2vec_format(path, binary=False), and give that file"
OTHER_FORMS = {  # by the first bytes
    b"PK\3\4": "a zip archive: unpack it, and give the file of vectors in it",
    b"\xba\x16\x4f\x2f": "a fastText model: give the .vec file that belongs to it",
    b"\x80": f"a pickled object, as gensim saves it: {SAVE_AS_TEXT}",
}


class Vectors(NamedTuple):
    """The vectors found for a list of words."""

    index: np.ndarray  # (K,) places in the list of the words that have a vector, ascending
    values: np.ndarray  # (K, D) float32, their vectors
    unknown: np.ndarray  # (D,) float32, of the unknown word: the file's own, else the mean of the values
    name: str  # of the source
    checksum: str  # its SHA-256
    warnings: tuple = ()  # texts


def read_glove(path, words):
    """Read the vectors of some words from a file in GloVe's text format; return `Vectors`.

    Values are parsed for these words and in the first lines. In any other line it is enough that the word is
    followed by D blanks, digits, points and minus signs, and nothing else; if not (an exponent, a word with
    blanks, damage), its values are parsed too. UserError if a line is no vector or the file has none of the
    words.
    """
    D, spaced, promised = _find_form(path)
    wanted = {word.encode("utf-8", "surrogatepass"): place for place, word in enumerate(words)}
    wanted[RESERVED[1].encode()] = len(words)  # the file's own unknown word comes after the list
    found, count = {}, 0  # place -> values, and the number of vectors in the file
    plain = b" " * (D - 1)  # plain values without their digits
    size = path.stat().st_size
    bar = progress_bar(desc="embeddings", total=size, unit="B", unit_scale=True, leave=False)
    with _open_unpacked(path) as (file, raw), bar:
        for number, line in enumerate(_lines(file, spaced), 1):
            if number % 10_000 == 0:
                bar.update(raw.tell() - bar.n)
            word, _, values = line.partition(b" ")
            is_plain = values.translate(None, DIGITS) == plain and word and b"\0" not in word
            if number <= CHECKED or not is_plain:
                if not line.strip() or (number == 1 and promised is not None):
                    continue
                word, values = _split_line(line, D, path, number)
                _parse(values, path, number)
            count += 1
            if word in wanted:  # the first of repeated words counts
                found[wanted.pop(word)] = _parse(values, path, number)
    places = sorted(found)
    values = np.array([found[place] for place in places], np.float32).reshape(len(places), D)
    vectors = make_vectors(np.array(places, int), values, len(words), path.name, checksum(path))
    if promised and promised > count:
        said = f"{path.name} holds {count:,} vectors, but its first line promises {promised:,}"
        vectors = vectors._replace(warnings=(f"{said}: it may have been cut off; download it again",))
    return vectors


def make_vectors(places, values, words, name, checksum):
    """Make `Vectors` from sorted places in a list of so many words, after which the unknown word comes."""
    known = np.searchsorted(places, words)
    if not known:
        raise UserError(f"none of the {words} words is in {name}: give vectors in the dataset's language")
    unknown = values[known] if known < len(values) else values[:known].mean(axis=0)
    return Vectors(places[:known], values[:known], unknown, name, checksum)


def write_glove(path, words, vectors):
    """Write word vectors in GloVe's text format."""
    with written_whole(path) as file:
        for word, vector in zip(words, vectors, strict=True):
            values = " ".join([f"{value:.6g}" for value in vector.tolist()])
            file.write(f"{word} {values}\n".encode("utf-8", "surrogatepass"))


def _find_form(path):
    """The form of a file, judged by its beginning; UserError if it holds no vectors.

    Returns D, the most frequent number of values in the first hundred lines; whether a blank ends each line;
    and the number of vectors that the first line promises, None if it holds a vector.
    """
    with _open_unpacked(path) as (file, _):
        first, *others = list(islice(_lines(file), 100)) or [b""]
    if not first and not others:
        raise UserError(f"{path} is empty: give a file in GloVe's text format")
    header = re.fullmatch(rb"(\d{1,12}) (\d{1,5}) ?", first)
    vectors = [_count_numbers(line.removesuffix(b" ")) > 0 for line in others]
    if header and 2 * sum(vectors) < len(others):
        raise UserError(f"{path} is word2vec's binary form: {SAVE_AS_TEXT}")
    spaced = 2 * sum(line.endswith(b" ") for line in others) > len(others)
    counts = Counter(_count_numbers(line.removesuffix(b" ") if spaced else line) for line in (first, *others))
    counts.pop(0, None)
    if not counts:
        other = "no text of word vectors: give one word and its values per line, separated by single spaces "
        other += "(unpack archives first)"
        found = next((found for start, found in OTHER_FORMS.items() if first.startswith(start)), other)
        raise UserError(f"{path} is {found}")
    D = min(counts, key=lambda count: (-counts[count], count))
    return D, spaced, int(header[1]) if header and D > 1 and int(header[2]) == D else None


@contextmanager
def _open_unpacked(path):
    """Open a file, gzipped or not; yield it and the file on the disk."""
    with readable(path), open(path, "rb", BUFFER) as raw:
        is_packed = raw.peek(2)[:2] == GZIP
        try:
            yield gzip.GzipFile(fileobj=raw) if is_packed else raw, raw
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UserError(f"{path} can't be unpacked ({error}): download it again") from error


def _lines(file, spaced=False):
    """Iterate over the lines of an open file without their ends; too long ones come in pieces."""
    mark = codecs.BOM_UTF8
    for line in iter(partial(file.readline, LONGEST_LINE), b""):
        line = line.removeprefix(mark).rstrip(b"\r\n")
        mark = b""
        yield line.removesuffix(b" ") if spaced else line


def _split_line(line, D, path, number):
    """The word of a line, which can hold blanks, and the text of its values."""
    if len(line) >= LONGEST_LINE - 1:
        fault = f"{path} holds a line of more than {LONGEST_LINE} bytes"
        raise UserError(f"{fault}: give a file in GloVe's text format")
    word, *values = line.rsplit(b" ", D)
    if len(values) < D:
        raise _bad_line(path, number, f"{len(values)} values where {D} were expected")
    if b"\0" in word:
        raise _bad_line(path, number, "a zero byte in its word")
    if b" " in word and word.strip():
        first, *more = word.split(b" ")
        numbers = list(filter(_is_number, more))  # "3 000" may be a word, "it 3.5" is not
        only_numbers = numbers == more and not _is_number(first) and b"." not in values[0]
        if not more[-1] or only_numbers or any(b"." in piece for piece in numbers):
            raise _bad_line(path, number, f"values or blanks beyond the {D} that were expected")
    return word, b" ".join(values)


def _parse(values, path, number):
    """The values of a line, (D,) float32; UserError if one is not a finite number."""
    if not values.translate(None, NUMERALS + b" "):
        with suppress(ValueError):
            numbers = np.array(values.split(b" "), float)
            if np.abs(numbers).max() <= LARGEST:
                return numbers.astype(np.float32)
    raise _bad_line(path, number, "a value that is no finite number, or two blanks together")


def _count_numbers(line):
    """Count the numbers at the end of a line, after its word."""
    _, *pieces = line.split(b" ")
    return next((k for k, piece in enumerate(reversed(pieces)) if not _is_number(piece)), len(pieces))


def _is_number(piece):
    try:
        float(piece)
    except ValueError:
        return False
    return b"_" not in piece  # Python's own way of writing 1_000


def _bad_line(path, number, fault):
    return UserError(f"line {number} of {path} has {fault}: correct or delete it, or download the file again")
