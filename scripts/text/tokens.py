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
    """Cut a typed sentence into tokens, treated as those of a preprocessed dataset were.

    A sentence is typed untokenised even where the dataset came tokenised; what is tokenised stays as it is.
    Where the `manifest` of data/ says that its texts were cut to their last tokens, so is this one.
    """
    return tokenise(text)[-(manifest.get("max_length") or 0) :]


def keep_tokens(text):
    """Cut a text that came tokenised at its blanks, brackets as GloVe has them."""
    return [BRACKETS.get(token, token) for token in text.split()]


def is_tokenised(texts, share=0.95):
    """Return True if texts came tokenised: `tokenise` would change hardly any."""
    texts = [text for text in texts if text]
    same = sum(tokenise(text) == keep_tokens(text) for text in texts)
    return same >= share * len(texts)


class Table(NamedTuple):
    """Texts and labels as published, not yet read."""

    name: str
    source: str
    sizes: dict  # rows of each split; None where that is unknown
    read: Callable  # read(split) iterates over its (text, label) pairs
    class_names: list | None  # the meaning of the labels 0, 1, …, where the dataset has it
    tokenised: bool | None  # None where a look at the rows has to decide
    whole: bool  # no row is cut from another
