"""Tokens: cutting texts the way GloVe's vocabulary expects; and the table of texts that a dataset gives."""

import html
import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

BRACKETS = {"-lrb-": "(", "-rrb-": ")"}  # treebanks write them so, GloVe doesn't
PLAIN = {
    **{code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)},  # Windows text misread
    **dict.fromkeys(map(ord, "‘’‚‛ʼ´\x91\x92\x82"), "'"),
    **dict.fromkeys(map(ord, "“”„‟«»\x93\x94\x84"), '"'),
    **dict.fromkeys(map(ord, "…\x85"), "..."),
    **dict.fromkeys(map(ord, "\xad\u200b\ufeff")),  # signs without width
}
BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
CONTRACTION = re.compile(r"(?<=[^\W_])(n't|'(?:s|re|ve|ll|d|m))(?![^\W_])")
TOKEN = re.compile(
    r"""
      -[lr]rb-
    | (?:mr|mrs|ms|dr|st|jr|sr|vs|etc)\.    # abbreviations keep their full stop
    | (?:[^\W\d_]\.){2,}                    # u.s.
    | \d+(?:[.,:/]\d+)+                     # 3.5  1,000  8/10
    | '\d0s(?![^\W_])                       # '70s
    | (?:n't|'(?:s|re|ve|ll|d|m|em))(?![^\W_])
    | [^\W\d_]&[^\W\d_](?![^\W_])           # r&b
    | [^\W_]+(?:[-'][^\W_]+)*               # coming-of-age  o'clock
    | \.{2,} | -{2,} | `` | ''
    | \S                                    # any other sign stands alone
    """,
    re.VERBOSE,
)


def tokenise(text):
    """Cut a text as a person types it into tokens, the way GloVe's vocabulary expects them.

    Lower case; HTML breaks and entities undone; curly quotes straight; punctuation apart; "n't", "'s" and
    their like apart; hyphenated words, numbers and "..." whole. What is tokenised already stays as it is.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of str
        Empty where the text holds no token.

    Examples
    --------
    >>> tokenise("It can't be Tarantino's best.<br />8/10!")
    ['it', 'ca', "n't", 'be', 'tarantino', "'s", 'best', '.', '8/10', '!']
    """
    text = BREAK.sub(" ", html.unescape(text)).translate(PLAIN)
    text = unicodedata.normalize("NFC", text.lower())
    tokens = TOKEN.findall(CONTRACTION.sub(r" \1", text))
    return ["..." if token[:2] == ".." else BRACKETS.get(token, token) for token in tokens]


def tokens_of(text, manifest):
    """The tokens of a typed sentence, treated as those of a preprocessed dataset were.

    A sentence is typed untokenised even where the dataset came tokenised; what is tokenised stays as it is.

    Parameters
    ----------
    text : str
    manifest : dict
        Of data/: where its texts were cut to their last ``max_length`` tokens, so is this one.

    Returns
    -------
    list of str
        Empty where the text holds no token.
    """
    return tokenise(text)[-(manifest.get("max_length") or 0) :]


def keep_tokens(text):
    """The tokens of a text that came tokenised: what its blanks separate, brackets as GloVe has them."""
    return [BRACKETS.get(token, token) for token in text.split()]


def is_tokenised(texts, share=0.95):
    """Whether texts came tokenised: nearly all are already what `tokenise` would make of them."""
    texts = [text for text in texts if text]
    same = sum(tokenise(text) == keep_tokens(text) for text in texts)
    return same >= share * len(texts)


class Table(NamedTuple):
    """Texts and labels as published, not yet read.

    Attributes
    ----------
    name, source : str
    sizes : dict of str to int
        Rows of each split, where known beforehand (else None).
    read : callable
        ``read(split)`` iterates over the (text, label) pairs of a split.
    class_names : list of str or None
        What the labels 0, 1, … mean, where the dataset says so.
    tokenised : bool or None
        None where a look at the rows has to tell.
    whole : bool
    """

    name: str
    source: str
    sizes: dict
    read: Callable
    class_names: list | None
    tokenised: bool | None
    whole: bool
