"""The tables of the benchmark, as its tests read them."""

import re


def unaligned(text):
    """Return a text whose cells are not padded to the width of their column."""
    return re.sub(" +", " ", text)
