"""A card is written of a file that says how it was trained, and of no other."""

from pathlib import Path

import pytest

from simpsons import Classifier, ModelError
from simpsons.classifier import SHIPPED
from simpsons.runs.card import require_provenance

MODEL = Path("own.onnx")


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_files_say_it(name):
    require_provenance(MODEL, Classifier(name, threads=1).metadata)


@pytest.mark.parametrize(
    "lie",
    [{"split": {}}, {"split": {"kind": "given", "seed": 0, "parts": [1]}}, {"recipe": {}}, None],
)
def test_what_does_not_say_all_of_it_is_refused(lie):
    facts = {} if lie is None else Classifier("cnn", threads=1).metadata | lie
    with pytest.raises(ModelError, match=r"own\.onnx: does not say how it was trained"):
        require_provenance(MODEL, facts)
