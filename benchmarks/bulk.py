"""Millions of pictures: nothing lost whatever dies, as fast as one loop, in constant memory.

`kills`: workers and clients killed at random moments, silent workers, a full target; `s3`: a real
S3 server behind a proxy that is slow, refuses, cuts answers and forgets; `speed`: beside
`predict_all`; `memory`: from 10,000 to 1,000,000 rows; `engines`: the documented lines for Ray,
Daft and Spark, run once and timed.
"""

import argparse

from benchmarks.bulk_kills import kills


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    of_kills = commands.add_parser("kills")
    of_kills.add_argument("--count", type=int, default=100_000)
    of_kills.add_argument("--part-size", type=int, default=1000)
    of_kills.add_argument("--model", default="cnn-int8")
    of_kills.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    if asked.command == "kills":
        kills(asked.count, asked.part_size, asked.model, asked.seed)


if __name__ == "__main__":
    main()
