"""The one kind of error that a user sees, `UserError`, and scripts that end with it in one line.

Every room raises it; main.py and the scripts call :func:`errors_in_one_line`.
"""

import atexit
import contextlib
import errno
import os
import signal
import sys
import threading

CONTINUES = "what is finished is kept, and the same command continues"
OUT_OF_MEMORY = ("C error: out of memory", "Cannot allocate memory", "can't start new thread")


class UserError(ValueError):
    """An error that the user can correct; its message is one line: what is wrong, and what to do."""

    def __init__(self, message):
        line = " ".join(message.split())
        # no character from a file may move the terminal's cursor
        super().__init__("".join(sign if sign.isprintable() else "\ufffd" for sign in line))


def came_from(error):
    """Iterate over an exception and its causes."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def lacks_memory(error):
    """Return whether an exception or one of its causes means that memory ran out."""
    for each in came_from(error):
        said = any(words in str(each) for words in OUT_OF_MEMORY)
        if said or isinstance(each, MemoryError) or getattr(each, "errno", None) == errno.ENOMEM:
            return True
    return False


@contextlib.contextmanager
def memory_in_one_line(what, remedy):
    """Turn a lack of memory within the block or the decorated function into a UserError."""
    try:
        yield
    except Exception as error:
        if isinstance(error, UserError) or not lacks_memory(error):
            raise
        why = f" ({error})" if str(error) else ""
        raise UserError(f"{what} needs more memory than there is{why}: {remedy}") from error


@contextlib.contextmanager
def results_kept():
    """Print why the block, which saves or draws results, failed, so that they can still be returned."""
    try:
        yield
    except UserError as error:
        print(f"not kept: {error}", file=sys.stderr)


_interrupted = False


@atexit.register  # on import, and so called last: joblib has ended its processes before
def _end_interrupted():
    """End as Ctrl-C does, without tearing down what a library's thread may still use (which can abort)."""
    if _interrupted:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)


def errors_in_one_line():
    """Let this process end with one line, not a traceback, unless the cause is a bug; for scripts."""
    for name in ("stdout", "stderr"):  # flushed line by line, so that a closed pipe is noticed at once
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (open until the end)
        elif hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="replace", line_buffering=True)
    with contextlib.suppress(ValueError):  # only the main thread may: SIGTERM ends the process as Ctrl-C does
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.excepthook, sys.unraisablehook = _excepthook, _unraisablehook


def _excepthook(kind, error, traceback):
    global _interrupted
    if issubclass(kind, UserError):
        print(f"error: {error}", file=sys.stderr)
    elif any(isinstance(each, KeyboardInterrupt) for each in came_from(error)):  # also within an import
        _interrupted = True
        print(f"interrupted: {CONTINUES}", file=sys.stderr)
    elif issubclass(kind, BrokenPipeError):  # as by `| head`
        with contextlib.suppress(OSError):  # further output goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"output was closed: {CONTINUES}", file=sys.stderr)
    elif lacks_memory(error):
        print("error: more memory is needed than there is: give less, or free some", file=sys.stderr)
    elif issubclass(kind, OSError):
        print(f"error: the system refused ({error}): free the disk or the folder", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


def _unraisablehook(fault):
    if issubclass(fault.exc_type, KeyboardInterrupt) and hasattr(signal, "pthread_kill"):
        # Python ignores it in some callbacks, such as those of an import: send it again a moment later
        given = threading.main_thread().ident, signal.SIGTERM
        threading.Timer(0.01, signal.pthread_kill, given).start()
    else:
        sys.__unraisablehook__(fault)
