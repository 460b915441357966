"""Networks to start from and to learn from that are no run folders."""

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn.utils.fusion import fuse_conv_bn_eval

import simpsons
from simpsons import models
from simpsons.characters import SLUGS
from simpsons.classifier import model_path
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.dataset.split import PARTS, Split
from simpsons.errors import SimpsonsError
from simpsons.formats.onnx_export import add_metadata
from simpsons.formats.onnx_import import read_onnx
from simpsons.models import unfuse
from simpsons.models.xception import Xception
from simpsons.network import find
from simpsons.runs import run
from simpsons.runs.pretrained import Pretrained
from simpsons.training import loop
from simpsons.training.recipe import DEFAULT, NOTEBOOK


@pytest.fixture
def dataset(drawings):
    return cache.load(drawings)


def split_of(dataset, part):
    """All pictures in one part."""
    return Split("given", None, np.full(len(dataset), part), np.arange(len(dataset)))


@pytest.fixture
def shipped_picture(dataset):
    """The data set with one picture of the shipped networks' training part, by name."""
    with (
        Path(splits.__file__, "../../weights/split.csv")
        .resolve()
        .open(newline="", encoding="utf-8") as file
    ):
        name = next(line["path"] for line in csv.DictReader(file) if line["split"] == "train")
    return replace(dataset, paths=(name, *(f"none/{row}" for row in range(1, len(dataset)))))


def test_one_held_out_picture_of_several_that_it_learnt_from_is_enough_to_refuse(dataset):
    with (splits._SHIPPED).open(newline="", encoding="utf-8") as file:
        learnt_from = [line["path"] for line in csv.DictReader(file) if line["split"] == "train"]
    others = (f"none/{row}" for row in range(2, len(dataset)))
    two = replace(dataset, paths=(*learnt_from[:2], *others))
    part = np.full(len(dataset), "train", "<U10")
    part[1] = "validation"
    split = Split("given", None, part, np.arange(len(dataset)))
    with pytest.raises(SimpsonsError, match="cnn: learnt from pictures"):
        Pretrained("cnn").require_unseen(two, split)


@pytest.mark.parametrize("part", PARTS)
def test_a_shipped_network_is_refused_where_its_training_pictures_are_held_out(
    shipped_picture, part
):
    split = split_of(shipped_picture, part)
    network = Pretrained("cnn")
    if part == "train":
        network.require_unseen(shipped_picture, split)
        assert models.outputs(network.network) == 18
        assert network.classes == SLUGS
    else:
        with pytest.raises(SimpsonsError, match=r"cnn: learnt from pictures .* --split shipped"):
            network.require_unseen(shipped_picture, split)


def test_an_onnx_file_is_taken_and_its_split_is_unknown(dataset, tmp_path):
    file = shutil.copy(model_path("cnn"), tmp_path / "own.onnx")
    add_metadata(file, {"split": {"kind": "leak-free", "seed": 0}})
    network = Pretrained(file)
    network.require_unseen(dataset, split_of(dataset, "test"))
    assert models.outputs(network.network) == len(network.classes) == 18
    assert not network.says_what_it_saw
    assert Pretrained("cnn").says_what_it_saw


def test_what_is_no_network_is_refused(dataset, tmp_path):
    with pytest.raises(SimpsonsError, match="nothing: no such weights"):
        Pretrained(tmp_path / "nothing").require_unseen(dataset, split_of(dataset, "train"))


def test_a_face_detector_has_no_classes_and_is_no_classifier(dataset):
    detector = Pretrained("faces")
    assert isinstance(detector.network, models.Faces)
    assert detector.classes == ()
    assert detector.licence.startswith(Pretrained("xception").licence)


@pytest.mark.parametrize("name", ["xception", "faces"])
def test_a_training_opens_the_network_it_starts_from_once(
    name, many_drawings, opened, monkeypatch, tmp_path
):
    """Whom it knows, its licence, its split, its weights: one session, one network."""
    if name == "faces":
        network = Pretrained(name)
        assert network.network is network.network
        assert (network.classes, network.says_what_it_saw) == ((), True)
        assert network.licence
    else:
        begun = []
        monkeypatch.setattr(
            loop, "train", lambda *_, initial, **__: begun.append(type(initial).__name__)
        )
        monkeypatch.setattr(run, "finish", lambda *_: None)
        simpsons.train(
            many_drawings, model=name, initial=name, device="cpu", out=tmp_path, tell=print
        )
        assert begun == ["Xception"]
    assert opened == [name]


@pytest.fixture
def opened(monkeypatch):
    """The names of shipped networks, in the order of the sessions that were opened of them."""
    names = {model_path(name).read_bytes(): name for name in ("cnn", "xception")}
    names[find("faces", ["faces"]).read_bytes()] = "faces"
    found, session = [], onnxruntime.InferenceSession

    def counted(content, *arguments, **options):
        found.append(names.get(content, "another"))
        return session(content, *arguments, **options)

    monkeypatch.setattr(onnxruntime, "InferenceSession", counted)
    return found


@pytest.mark.parametrize("name", ["cnn", "xception"])
def test_batch_norms_come_back_with_the_same_answers_in_training_too(name, dataset):
    """Without the pictures' statistics a batch norm in training would change the answers."""
    pixels = torch.from_numpy(np.array(dataset.images)).permute(0, 3, 1, 2).float() / 255
    folded = fold(read_onnx(name))
    network = unfuse.trainable(
        fold(read_onnx(name)), DEFAULT[name].batch_norm, dataset.images
    ).eval()
    never_folded = {layer for layer, norm in norms(folded) if norm.running_mean.any()}
    came_back = [norm for layer, norm in norms(network) if layer not in never_folded]
    assert len(came_back) == {"cnn": 8, "xception": 5}[name]
    with torch.no_grad():
        expected = folded(pixels)
        torch.testing.assert_close(network(pixels), expected, atol=2e-3, rtol=1e-3)
        for norm in came_back:
            norm.train()
        torch.testing.assert_close(network(pixels), expected, atol=0.1, rtol=0.05)


def fold(network):
    """With the batch norms of `xception` that follow a convolution merged, as files may have it."""
    for block in network.blocks if isinstance(network, Xception) else []:
        convolution, norm = block.main[2][1], block.main[3]
        fused = fuse_conv_bn_eval(convolution, norm)
        convolution.weight = fused.weight
        adding = torch.nn.BatchNorm2d(norm.num_features, eps=norm.eps).eval()
        with torch.no_grad():
            adding.weight.fill_((1 + norm.eps) ** 0.5)
            adding.bias.copy_(fused.bias)
        block.main[3] = adding
    return network


def norms(network):
    """The batch norms of a network, with their names."""
    return [
        (name, layer)
        for name, layer in network.named_modules()
        if isinstance(layer, torch.nn.BatchNorm2d)
    ]


def test_a_recipe_without_batch_norms_gets_cnn_plain_with_the_same_answers(dataset):
    pixels = torch.from_numpy(np.array(dataset.images)).permute(0, 3, 1, 2).float() / 255
    plain = read_onnx("cnn")
    for network in (
        read_onnx("cnn"),
        unfuse.trainable(read_onnx("cnn"), DEFAULT["cnn"].batch_norm, dataset.images),
    ):
        network = unfuse.trainable(network, NOTEBOOK.batch_norm, dataset.images)
        assert not norms(network)
        with torch.no_grad():
            torch.testing.assert_close(network(pixels), plain(pixels), atol=2e-3, rtol=1e-3)
