"""The project's progress bars: on a terminal only, and never if TQDM_DISABLE is set."""

import os
import sys

from tqdm import tqdm


def bars_shown(progress=True):
    """Return whether bars are shown: not in a file, which would keep each of their frames."""
    return bool(progress and not os.environ.get("TQDM_DISABLE") and sys.stderr and sys.stderr.isatty())


def progress_bar(*args, progress=True, **options):
    """Return a bar of tqdm, shown only if :func:`bars_shown`."""
    return tqdm(*args, disable=not bars_shown(progress), **options)
