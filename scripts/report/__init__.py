"""The numbers and tables of the results page; used by main.py's report()."""
