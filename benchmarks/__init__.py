"""Each figure that the documents quote, as a command: `python -m benchmarks.NAME --help`."""
