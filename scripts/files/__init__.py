"""Every path and file format below data/ and assets/; every other room reads and writes through it."""
