"""Many runs, one question per file; used by main.py, drawn by the file of the same name in figures/.

The first line of each file states its question. Four files are shared helpers: variants.py, which trains and
measures variants over seeds, parallel.py, arguments.py and statistics.py.
"""
