"""The one kind of error that a user meets, and how a script ends with it: in one line."""

import contextlib
import os
import sys


class UserError(ValueError):
    """A mistake that the user can correct: its message is one line, with what to do."""

    def __init__(self, message):
        line = " ".join(message.split())
        # a character from a stranger's file must not move the terminal's cursor
        super().__init__("".join(sign if sign.isprintable() else "\ufffd" for sign in line))


def errors_in_one_line():
    """Let this process end with one line where there is no bug to trace, on a terminal or without one.

    Output that is closed is thrown away, and characters that it can't show are replaced. Output is flushed
    line by line, into a pipe too, so that a reader who has gone away is noticed at once.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (to the process's end)
        elif hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="replace", line_buffering=True)

    def excepthook(kind, error, traceback):
        if issubclass(kind, UserError):
            print(f"error: {error}", file=sys.stderr)
        elif issubclass(kind, KeyboardInterrupt):
            print("interrupted: what is finished is kept, and the same command continues", file=sys.stderr)
        elif issubclass(kind, BrokenPipeError):  # as by `| head`
            with contextlib.suppress(OSError):
                os.dup2(
                    os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
                )  # for all that is still printed
            print(
                "output was closed: what is finished is kept, and the same command continues", file=sys.stderr
            )
        elif issubclass(kind, OSError):
            print(f"error: the system refused ({error}): free the disk or the folder", file=sys.stderr)
        else:
            sys.__excepthook__(kind, error, traceback)

    sys.excepthook = excepthook
