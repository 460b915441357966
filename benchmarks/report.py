"""Tables of figures, and the documents they are written into."""

import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

from simpsons.files import write_text
from simpsons.training.device import processor


def machine() -> str:
    """The machine in words: processors, system and Python."""
    return (
        f"{os.cpu_count()} CPU threads ({processor()}), {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; every row has as many cells as there are headers."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_section(path: str | os.PathLike[str], name: str, text: str) -> None:
    """Put `text` between `<!-- name -->` and `<!-- /name -->` in a file, or at its end."""
    path = Path(path)
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    section = f"{start}\n{text}\n{end}"
    new, found = re.subn(
        f"{re.escape(start)}.*?{re.escape(end)}", lambda _: section, old, flags=re.DOTALL
    )
    write_text(path, new if found else f"{old}\n{section}\n".lstrip())
