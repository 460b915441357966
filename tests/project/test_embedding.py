import numpy as np
import pytest
import torch

from simpsons import ModelError, models
from simpsons.demo.drawings import DOLLS, draw
from simpsons.pixels import images
from simpsons.project.embedding import Embedder, Embedding


@pytest.fixture(scope="module")
def pictures():
    """Three drawings of each of three dolls, uint8 `[9, 64, 64, 3]`."""
    drawn = [
        np.asarray(draw(DOLLS[doll], np.random.default_rng((doll, number)), 96))
        for doll in range(3)
        for number in range(3)
    ]
    return np.stack([images.fit(pixels) for pixels in drawn])


def test_a_vector_is_the_scaled_means_of_the_last_blocks(onnx_model, pictures):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = models.build("xception").eval()
    vectors = Embedder(onnx_model, threads=1).embed_pixels(pictures)
    values = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        _, maps = models.with_maps(network, values)
    means = [one.mean((2, 3)).numpy() for one in maps[-3:]]
    expected = [one / np.linalg.norm(one, axis=1, keepdims=True) / np.sqrt(3) for one in means]
    np.testing.assert_allclose(vectors, np.hstack(expected), atol=1e-5)


def test_the_shipped_network_puts_one_doll_together(embedder, pictures):
    vectors = embedder.embed_pixels(pictures)
    assert vectors.shape == (9, 512) == (9, embedder.size)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -1)
    assert (alike.argmax(axis=1) // 3 == np.arange(9) // 3).mean() > 0.7


def test_any_number_is_embedded_as_one_is(embedder, pictures):
    many = np.concatenate([pictures] * 5)
    vectors = embedder.embed_pixels(many)
    np.testing.assert_allclose(vectors[-1], embedder.embed(many[-1]), atol=1e-5)
    assert embedder.embed_pixels(many[:0]).shape == (0, 512)


def test_pictures_that_can_not_be_read_are_said(embedder, tmp_path, pictures):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"nothing")
    first, second, third = embedder.embed_all([pictures[0], broken, pictures[1]])
    assert isinstance(first, Embedding)
    assert isinstance(third, Embedding)
    assert first.path is None
    assert second.path == str(broken)
    assert "broken.png" in second.error
    np.testing.assert_allclose(third.vector, embedder.embed(pictures[1]), atol=1e-5)


@pytest.mark.parametrize("name", ["cnn", "cnn-int8"])
def test_a_network_of_another_structure_is_refused(name):
    with pytest.raises(ModelError, match="has not the blocks of xception"):
        Embedder(name)


def test_the_fingerprint_tells_networks_apart(embedder, onnx_model):
    assert embedder.fingerprint != Embedder(onnx_model, threads=1).fingerprint
