"""Everything around the models, in rooms: see README.md."""
