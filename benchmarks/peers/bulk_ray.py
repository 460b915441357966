"""The lines of docs/bulk.md for Ray Data: list, target, model, pictures a part."""

import os
import sys
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray

from simpsons.bulk import Limits, classify_part

if __name__ == "__main__":
    listed, target, model, part_size = sys.argv[1:]
    ray.init(include_dashboard=False, _node_ip_address="127.0.0.1")

    def answer(part: Any) -> Any:
        """A part, on one processor."""
        return classify_part(part["path"], model, limits=Limits(cores=1))

    paths = ray.data.read_csv(listed).repartition(target_num_rows_per_block=int(part_size))
    answers = paths.map_batches(answer, batch_format="pyarrow", batch_size=int(part_size))
    answers.write_parquet(target)
