"""The lines of docs/bulk.md for Daft: list, target, model, pictures a part."""

import os
import sys
from typing import Any

os.environ["DAFT_ANALYTICS_ENABLED"] = "0"

import daft
import pyarrow

from simpsons.bulk import classify_part
from simpsons.bulk.tasks import CLASSIFIED

if __name__ == "__main__":
    listed, target, model, part_size = sys.argv[1:]
    kind = daft.DataType.from_arrow_type(pyarrow.struct(list(CLASSIFIED)))

    @daft.func.batch(return_dtype=kind, batch_size=int(part_size), unnest=True)  # type: ignore[untyped-decorator]
    def answer(paths: Any) -> Any:
        """A part."""
        return classify_part(paths.to_arrow(), model).to_struct_array().combine_chunks()

    daft.read_csv(listed).select(answer(daft.col("path"))).write_parquet(target)
