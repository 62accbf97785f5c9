"""Many runs, one question per file; used by main.py, drawn by the file of the same name in figures/.

Each file asks what its first line says, and main.py calls its function; four are shared helpers: variants.py
(trains and measures variants over seeds), parallel.py, arguments.py and statistics.py.
"""
