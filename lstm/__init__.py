"""The LSTM, whole: model.py holds the passes, train.py the loop, README.md the derivation."""
