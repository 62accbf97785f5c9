"""The tables and figures of the results page, and the check of its numbers; used by main.py's report()."""
