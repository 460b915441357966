"""Millions of pictures: nothing lost whatever dies, as fast as one loop, in constant memory.

`kills`: workers and clients killed at random moments, silent workers, a full target; `s3`: a real
S3 server behind a proxy that is slow, refuses, cuts answers and forgets; `speed`: beside
`predict_all`; `memory`: from 10,000 to 1,000,000 rows; `engines`: the documented lines for Ray,
Daft and Spark, beside ours and timed.
"""

import argparse

from benchmarks.bulk_kills import kills
from benchmarks.bulk_s3 import s3
from benchmarks.bulk_speed import engines, memory, speed


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, count, part_size in (
        ("kills", 100_000, 500),
        ("s3", 5000, 250),
        ("speed", 4000, 1000),
        ("memory", 0, 5000),
        ("engines", 20_000, 1000),
    ):
        command = commands.add_parser(name)
        command.add_argument("--part-size", type=int, default=part_size)
        command.add_argument("--model", default="cnn-int8")
        if name == "memory":
            counts = [10_000, 100_000, 1_000_000]
            command.add_argument("--counts", type=int, nargs="+", default=counts)
        else:
            command.add_argument("--count", type=int, default=count)
        if name == "kills":
            command.add_argument("--seed", type=int, default=0)
        if name in ("speed", "engines"):
            command.add_argument("--turns", type=int, default=3)
    asked = parser.parse_args()
    if asked.command == "kills":
        kills(asked.count, asked.part_size, asked.model, asked.seed)
    elif asked.command == "s3":
        s3(asked.count, asked.part_size, asked.model)
    elif asked.command == "speed":
        speed(asked.count, asked.part_size, asked.model, asked.turns)
    elif asked.command == "memory":
        memory(asked.counts, asked.part_size)
    else:
        engines(asked.count, asked.part_size, asked.model, asked.turns)


if __name__ == "__main__":
    main()
