"""The figures of the README, measured: `make bench`, or `.venv/bin/python -m bench --help`."""
