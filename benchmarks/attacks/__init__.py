"""What `python -m benchmarks.attack` does to the product; each module gives rows of a table."""
