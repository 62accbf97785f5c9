"""One file per kind of figure, named after the study or log it draws; used by plots.py."""
