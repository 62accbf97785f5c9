"""Numbers as a JSON file or a table shows them; used by everything that writes either."""

import math

import numpy as np


def round_to_digits(values, digits=7):
    """Round a float, or a list of floats, to so many significant digits: a log stays small."""
    if np.ndim(values):
        return [round_to_digits(value, digits) for value in values]
    return float(f"{values:.{digits}g}")


def tiny(power):
    """Write 10**power to one digit, also where that is no float: "7e-57"."""
    exponent = math.floor(power)
    digit = round(10 ** (power - exponent))
    return f"1e{exponent + 1}" if digit == 10 else f"{digit}e{exponent}"


def counted(number, what):
    """Write a number of things: "1 seed", "3 seeds"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def plus_minus(found, scale, digits):
    """Write an interval as "mean ± half"."""
    if not found:
        return "–"
    half = "" if found["low"] is None else f" ± {scale * (found['high'] - found['low']) / 2:.{digits}f}"
    return f"{scale * found['mean']:.{digits}f}{half}"
