"""The tutorial notebook runs from top to bottom on drawings."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
TUTORIAL = ROOT / "docs" / "tutorial.ipynb"
SHORT = """
import sys, pathlib
sys.path.append({root!r})
from tests.traces import share

share(pathlib.Path({traces!r}))
DATA = None
PER_CHARACTER = 10
DIFFICULTY = 0.15
EPOCHS = {{'cnn': 1, 'xception': 1}}
"""


@pytest.fixture(scope="module")
def executed(traces):
    """The notebook after a run with few drawings and one epoch."""
    notebook = nbformat.read(TUTORIAL, as_version=4)
    [parameters] = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", ())]
    parameters.source = SHORT.format(root=str(ROOT), traces=str(traces))
    NotebookClient(notebook, timeout=120).execute()
    return notebook


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def test_it_runs_and_shows_pictures(executed):
    pictures = [o for o in outputs(executed) if "image/png" in o.get("data", {})]
    assert len(pictures) >= 10
    assert all(output.output_type != "error" for output in outputs(executed))


def test_it_tells_what_the_study_is_about(executed):
    said = "".join(o.text for o in outputs(executed) if o.output_type == "stream")
    assert "2,240,306 parameters" in said
    assert "768,210 parameters" in said
    assert "leak-free: 0 of " in said
    assert "unknown" in said


def test_what_is_stored_is_of_a_whole_run():
    notebook = nbformat.read(TUTORIAL, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert all(output.output_type != "error" for output in outputs(notebook))
