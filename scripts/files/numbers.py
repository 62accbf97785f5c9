"""Check, round and write numbers, for JSON files, tables and messages in every room."""

import math

import numpy as np

from scripts.files.errors import UserError

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def round_to_digits(values, digits=7):
    """Round a float, or lists of them, to significant digits, which keeps a log small."""
    if np.ndim(values):
        return [round_to_digits(value, digits) for value in values]
    return float(f"{values:.{digits}g}")


def whole_number(name, value, least=1, most=10**9):
    """Return `value` as an int; UserError if it is not a whole number from `least` to `most`."""
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_whole or not least <= value <= most:
        at_most = f", at most {most:,}" if most != 10**9 or (is_whole and value > most) else ""
        raise UserError(f"{name}={value!r}: expected a whole number, {least} or more{at_most}")
    return int(value)


def log_median(values):
    """Return the median of the logarithms of numbers, as a number: 1e-2 for 1e-4 and 1."""
    low, high = (sorted(values)[k] for k in ((len(values) - 1) // 2, len(values) // 2))
    return low if low == high else math.sqrt(low) * math.sqrt(high)


def power_of_ten(log10):
    """Write 10**log10 as a percentage, below 0.1% as a power of ten; None means 0.

    >>> power_of_ten(0.19), power_of_ten(-2.37), power_of_ten(-6.3), power_of_ten(None)
    ('155%', '0.43%', '5 × 10⁻⁷', '0')
    """
    if log10 is None:
        return "0"
    if log10 < -3:  # also where a float would underflow
        exponent = math.floor(log10 - math.log10(0.95))  # 9.5 is 10 to one digit
        return f"{10 ** (log10 - exponent):.0f} × 10{str(exponent).translate(SUPERSCRIPTS)}"
    percent = 100 * 10**log10
    return f"{percent:.0f}%" if percent >= 9.95 else f"{percent:.2g}%"


def counted(number, what):
    """Write a number with its noun: "1 seed", "3 seeds"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def plus_minus(found, scale, digits):
    """Write an interval as "mean ± half"."""
    if not found:
        return "–"
    half = "" if found["low"] is None else f" ± {scale * (found['high'] - found['low']) / 2:.{digits}f}"
    return f"{scale * found['mean']:.{digits}f}{half}"


def table(rows, heads):
    """Write rows of cells as a Markdown table with aligned columns.

    >>> print(table([["RNN", "81.0"], ["LSTM", "83.5"]], ["", "accuracy"]))
    |      | accuracy |
    |------|---------:|
    | RNN  |     81.0 |
    | LSTM |     83.5 |
    """
    heads, *rows = ([str(cell) for cell in cells] for cells in (heads, *rows))
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]

    def line(cells):
        first, *others = zip(cells, widths, strict=True)
        padded = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * (widths[0] + 2), *(f"{'-' * (width + 1)}:" for width in widths[1:])]
    return "\n".join([line(heads), f"|{'|'.join(rule)}|", *map(line, rows)])
