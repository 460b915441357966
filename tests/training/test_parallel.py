"""Two processes that torchrun starts train as one does.

In float64: in float32 the two differ by rounding, which ReLU and Adam's first steps make larger
than what a mistake would do. In float64 only a mistake is that large.
"""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.dataset.split import Split
from simpsons.runs import run
from simpsons.runs.pretrained import Pretrained
from simpsons.training import loop, recipe
from simpsons.training.observer import Silent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="sends itself SIGINT"),
]

# 9 pictures an epoch: two batches of 5, one picture in both, in slices of 2 and 3. `xception`, the
# faster one, has a second epoch, which it is stopped in; `cnn` has a teacher.
EPOCHS = {"xception": 2, "cnn": 1}
MIXED = replace(recipe.DEFAULT["cnn"].augmentation, mix=0.5)
TINY = {
    name: replace(default, epochs=EPOCHS[name], batch=5, augmentation=MIXED)
    for name, default in recipe.DEFAULT.items()
    if name in EPOCHS
}

TOGETHER = """
import atexit, os, signal, sys
from dataclasses import replace
from pathlib import Path
import torch
torch.set_default_dtype(torch.float64)
torch.Tensor.float = torch.Tensor.double
from simpsons.cli import main
from simpsons.training import recipe
from simpsons.runs import run
from simpsons.training.observer import Silent

data, split, out = sys.argv[1], sys.argv[2], Path(sys.argv[3])
rank = os.environ["RANK"]
EPOCHS = {"xception": 2, "cnn": 1}
MIXED = replace(recipe.DEFAULT["cnn"].augmentation, mix=0.5)
TINY = {
    name: replace(default, epochs=EPOCHS[name], batch=5, augmentation=MIXED)
    for name, default in recipe.DEFAULT.items() if name in EPOCHS
}

def note(event):
    with open(out / "events.txt", "a") as file:
        file.write(f"{rank} {event}\\n")

@atexit.register  # registered before the training's own, so it runs after
def count_threads():
    for name in Path("/proc/self/task").glob("*/comm"):
        if name.read_text().startswith("pt_gloo"):
            note("thread left")

class CtrlC(Silent):
    def on_epoch(self, history, best):
        note("epoch")
        os.kill(os.getpid(), signal.SIGINT)

run.finish = lambda *_: note("finish")
how = {"split": split, "seed": 1, "device": "cpu"}
try:
    refused = ["train", data, "--split", "nowhere.csv", "--device", "cpu"]
    main(refused, prog_name="simpsons")
except SystemExit as end:
    note(f"exit {end.code}")
try:
    run.start(out / "xception", data, "xception", TINY["xception"], observer=CtrlC(), **how)
except KeyboardInterrupt:
    note("stopped")
signal.signal(signal.SIGINT, signal.default_int_handler)
run.start(
    out / "cnn", data, "cnn", TINY["cnn"], teachers=[out / "xception"], observer=Silent(), **how
)
"""


@pytest.fixture(scope="module")
def split_file(drawings, tmp_path_factory):
    """9 training and 4 validation pictures."""
    dataset = cache.load(drawings)
    part = np.full(len(dataset), "unlisted", dtype="<U10")
    part[:36:4] = "train"
    part[56::4] = "validation"
    path = tmp_path_factory.mktemp("split") / "split.csv"
    splits.write(path, dataset, Split("even", None, part, np.arange(len(dataset))))
    return path


@pytest.fixture(scope="module")
def together(drawings, split_file, tmp_path_factory):
    """What two processes leave: a refused split, `xception` stopped inside epoch 2, `cnn`."""
    out = tmp_path_factory.mktemp("together")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", "2", "--no-python", sys.executable, "-c", TOGETHER),
            *(drawings, split_file, out),
        ],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out, done.stderr


@pytest.fixture
def float64(monkeypatch):
    """Everything in float64, on one thread as each of the two processes."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    torch.set_default_dtype(torch.float64)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.set_default_dtype(torch.float32)


def train_alone(folder, drawings, split_file, network, teachers=()):
    """What one process leaves."""
    dataset = cache.load(drawings)
    split = splits.read(split_file, dataset)
    taught = [Pretrained(teacher).network for teacher in teachers]
    how = {"seed": 1, "device": "cpu", "observer": Silent(), "teachers": taught}
    loop.train(dataset, split, network, TINY[network], folder, **how)
    return folder


def assert_same(one, other):
    """Both checkpoints have the same tensors, to float64's rounding."""
    first, second = load_file(one), load_file(other)
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        torch.testing.assert_close(tensor, second[name], rtol=1e-7, atol=1e-9, msg=name)


def test_two_processes_end_with_the_weights_of_one(
    together, drawings, split_file, tmp_path, float64
):
    folder, _ = together
    teacher = folder / "xception"
    alone = train_alone(tmp_path / "cnn", drawings, split_file, "cnn", [teacher])
    assert_same(folder / "cnn" / loop.LAST, alone / loop.LAST)
    assert_same(folder / "cnn" / loop.BEST, alone / loop.BEST)
    figures, of_one = (
        [list(row.values())[1:5] for row in loop.checkpoint.read(run / loop.LAST).facts["history"]]
        for run in (folder / "cnn", alone)
    )
    np.testing.assert_allclose(figures, of_one, rtol=1e-6)  # loss and accuracy


def test_what_two_processes_were_stopped_in_one_finishes(
    together, drawings, split_file, tmp_path, float64
):
    folder, _ = together
    stopped = folder / "xception" / loop.LAST
    assert loop.checkpoint.read(stopped).facts["step"] == 3
    alone = train_alone(tmp_path / "alone", drawings, split_file, "xception")
    (tmp_path / "resumed").mkdir()
    (tmp_path / "resumed" / loop.LAST).write_bytes(stopped.read_bytes())
    resumed = train_alone(tmp_path / "resumed", drawings, split_file, "xception")
    assert_same(resumed / loop.LAST, alone / loop.LAST)


def test_only_the_first_process_writes_and_speaks(together):
    folder, said = together
    events = sorted((folder / "events.txt").read_text().splitlines())
    assert events == [
        *("0 epoch", "0 exit 2", "0 finish", "0 stopped"),
        *("1 exit 2", "1 stopped"),
    ]
    assert said.count("nowhere.csv: no such split") == 1
    assert said.count("recipe default") == 1
    config = run.Config.read(folder / "cnn")
    assert config.machine["processes"] == 2
    leftovers = [path.name for path in (folder / "cnn").iterdir() if path.name.startswith(".")]
    assert leftovers == []
