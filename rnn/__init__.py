"""The vanilla RNN, whole: model.py holds the passes, train.py the loop, README.md the derivation."""
