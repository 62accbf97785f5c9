"""Tokens: split texts as GloVe's vocabulary expects, for `corpus.py` and for sentences typed by a user."""

import html
import re
import unicodedata

BRACKETS = {"-lrb-": "(", "-rrb-": ")"}  # as treebanks and as GloVe write them
PLAIN = {
    **{code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)},  # misread Windows text
    **dict.fromkeys(map(ord, "‘’‚‛ʼ´\x91\x92\x82"), "'"),
    **dict.fromkeys(map(ord, "“”„‟«»\x93\x94\x84"), '"'),
    **dict.fromkeys(map(ord, "…\x85"), "..."),
    **dict.fromkeys(map(ord, "\xad\u200b\u200e\u200f\u2060\ufe0e\ufe0f\ufeff")),  # characters without width
    ord("İ"): "i",  # lower() would make an i with a second dot of it
}
BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
ESCAPED = re.compile(r"(?:\\+r)?\\+n|\\+[rt](?![^\W_])")  # backslash and letter for a line end
APOSTROPHE = re.compile(r"(?<=[^\W\d_])(?:[`′＇]|\\*''|\\+')(?=[^\W\d_])")  # don`t, don''t, don\'t
BACKSLASH = re.compile(r"\\+(?=['\"/])")  # as in \"so-called\" and and\/or
CONTRACTION = re.compile(r"(?<=[^\W_])(n't|'(?:s|re|ve|ll|d|m))(?![^\W_])")
JOINERS = "\u200c\u200d"  # within words of Persian, Hindi and others
MARKS = "".join(c for c in map(chr, range(0x300, 0x1F000)) if unicodedata.category(c)[0] == "M") + JOINERS
MARK = re.compile(f"[{MARKS}]")
LETTER = re.compile(r"[^\W_]")
PATTERN = r"""
      -[lr]rb-
    | (?:mr|mrs|ms|dr|st|jr|sr|vs|etc)\.    # abbreviations keep their full stop
    | (?:[^\W\d_]\.){2,}                    # u.s.
    | \d+(?:[.,:/]\d+)+                     # 3.5  1,000  8/10
    | '\d0s(?![^\W_])                       # '70s
    | (?:n't|'(?:s|re|ve|ll|d|m|em))(?![^\W_])
    | [^\W\d_]&[^\W\d_](?![^\W_])           # r&b
    | [^\W_]+(?:[-'׳״][^\W_]+)*             # coming-of-age  o'clock
    | \.{2,} | -{2,} | `` | ''
    | \S                                    # any other character is a token
    """
TOKEN = re.compile(PATTERN, re.VERBOSE)
MARKED_TOKEN = re.compile(PATTERN.replace(r"[^\W_]+", rf"[^\W_](?:(?!_)[\w{MARKS}])*"), re.VERBOSE)


def tokenise(text):
    """Split a text as a person types it into tokens, as GloVe's vocabulary expects them.

    The text is put into lower case; HTML breaks and entities, and line ends written as backslash and n, are
    undone; curly quotes become straight. Punctuation, "n't", "'s" and the like are tokens of their own;
    hyphenated words, words with combining marks, numbers and "..." stay whole. Tokenised text stays as it is.

    Examples
    --------
    >>> tokenise("It can't be Tarantino's best.<br />8/10!")
    ['it', 'ca', "n't", 'be', 'tarantino', "'s", 'best', '.', '8/10', '!']
    """
    text = ESCAPED.sub(" ", BREAK.sub(" ", html.unescape(text))).translate(PLAIN)
    text = unicodedata.normalize("NFC", text.lower())
    text = CONTRACTION.sub(r" \1", BACKSLASH.sub("", APOSTROPHE.sub("'", text)))
    tokens = (TOKEN if text.isascii() or not MARK.search(text) else MARKED_TOKEN).findall(text)
    return ["..." if token[:2] == ".." else BRACKETS.get(token, token) for token in tokens]


def tokens_of(text, manifest):
    """Split a typed sentence into tokens; keep only the last ones if the `manifest` of a dataset says so."""
    return tokenise(text)[-(manifest.get("max_length") or 0) :]


def keep_tokens(text):
    """Split a text that came tokenised at its blanks, and write brackets as GloVe does."""
    return [BRACKETS.get(token, token) for token in text.split()]


def count_tokenised(texts):
    """Count the texts that seem to have come tokenised: `tokenise` would not change them."""
    return sum(tokenise(text) == keep_tokens(text) for text in texts)


def is_blank(text):
    """Return True if a text shows nothing: blanks, characters without width, stray marks."""
    return not (
        LETTER.search(text)
        or any(unicodedata.category(sign) not in ("Cc", "Cf", "Mn", "Zs", "Zl", "Zp") for sign in text)
    )
