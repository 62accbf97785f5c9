"""Many runs, one question per file; used by main.py, drawn by the file of the same name in figures/."""
