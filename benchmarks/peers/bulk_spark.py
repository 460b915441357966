"""The lines of docs/bulk.md for Spark: list, target, model, pictures a part."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
os.environ.setdefault("PYSPARK_PYTHON", sys.executable)

from pyspark.sql import SparkSession

from simpsons.bulk import Limits, classify_part

SCHEMA = "path string, label string, probability float, verdict string, error_kind string"

if __name__ == "__main__":
    listed, target, model, part_size = sys.argv[1:]
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", part_size)
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )

    def answer(frames: Iterable[Any]) -> Iterator[Any]:
        """Parts, one after the other."""
        columns = [one.split()[0] for one in SCHEMA.split(", ")]
        for frame in frames:
            table = classify_part(frame["path"], model, limits=Limits(cores=1))
            yield table.select(columns).to_pandas()

    paths = spark.read.csv(listed, header=True).repartition(4)
    paths.mapInPandas(answer, SCHEMA).write.parquet(target)
