"""Progress bars, for every file that has one: on a terminal only, and not where TQDM_DISABLE forbids them."""

import os
import sys

from tqdm import tqdm


def bars_shown(progress=True):
    """Return whether bars are shown: on a terminal alone, as in a file each of their frames would stay."""
    return bool(progress and not os.environ.get("TQDM_DISABLE") and sys.stderr and sys.stderr.isatty())


def progress_bar(*args, progress=True, **options):
    """Return a bar as tqdm itself does, which :func:`bars_shown` may hide."""
    return tqdm(*args, disable=not bars_shown(progress), **options)
