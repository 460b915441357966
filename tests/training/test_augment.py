from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform

from simpsons.training.augment import affine, augment, change, draw, draw_mixture, smaller
from simpsons.training.recipe import DEFAULT, NOTEBOOK, Augmentation

CPU = torch.device("cpu")


@pytest.fixture
def pictures():
    """Smooth random pictures, float32 [6, 3, 64, 64]."""
    torch.manual_seed(0)
    coarse = torch.rand(6, 3, 6, 6)
    return torch.nn.functional.interpolate(coarse, (64, 64), mode="bicubic").clamp(0, 1)


def keras_matrix(angle, shift_down, shift_across, shear, zoom_down, zoom_across):
    """`ImageDataGenerator`'s matrix in rows and columns (keras/src/legacy/preprocessing)."""
    angle, shear = np.deg2rad(angle), np.deg2rad(shear)
    rotation = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    shift = np.array([[1, 0, shift_down], [0, 1, shift_across], [0, 0, 1]])
    sheared = np.array([[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]])
    zoom = np.diag([zoom_down, zoom_across, 1])
    matrix = rotation @ shift @ sheared @ zoom
    to_centre = np.array([[1, 0, 31.5], [0, 1, 31.5], [0, 0, 1]])
    return to_centre @ matrix @ np.linalg.inv(to_centre)


def test_nothing_asked_for_changes_nothing(pictures):
    unchanged = augment(pictures, Augmentation(flip=False))
    torch.testing.assert_close(unchanged, pictures, atol=1e-5, rtol=0)


def test_pictures_are_resampled_as_by_pytorchs_own_grid(pictures):
    torch.manual_seed(3)
    wide = pictures[:, :, :40]
    changes = draw(len(wide), NOTEBOOK.augmentation, CPU)
    grid = torch.nn.functional.affine_grid(changes.matrix, wide.shape, align_corners=False)
    sampled = torch.nn.functional.grid_sample(
        wide, grid, padding_mode="border", align_corners=False
    )
    torch.testing.assert_close(change(wide, changes), sampled, atol=1e-4, rtol=0)
    assert not torch.allclose(sampled, wide, atol=0.1)


def test_float32_pictures_may_follow_float64_ones():
    for dtype in (torch.float64, torch.float32):
        torch.set_default_dtype(dtype)
        changed = augment(torch.rand(2, 3, 5, 7), DEFAULT["cnn"].augmentation)
        assert changed.dtype is dtype


def test_flip_mirrors_about_half_of_the_pictures():
    torch.manual_seed(1)
    picture = torch.zeros(400, 3, 8, 8)
    picture[..., :4] = 1
    flipped = augment(picture, Augmentation(flip=True))[:, 0, 0, 0] < 0.5
    assert 150 < int(flipped.sum()) < 250


def test_the_notebooks_warp_is_the_one_of_keras(pictures, monkeypatch):
    """The same draws through our affine map and through Keras's own formula and SciPy."""
    draws = {
        "angle": 17.0,
        "shear": 9.0,
        "across": 0.11,
        "down": -0.07,
        "zoom_across": 0.9,
        "zoom_down": 1.15,
    }
    order = iter([*(draws[key] for key in ("angle", "shear", "across", "down"))])

    def fixed(count, limit):
        return torch.full((count,), next(order))

    monkeypatch.setattr("simpsons.training.augment._spread", fixed)
    monkeypatch.setattr(
        "simpsons.training.augment._zoom",
        lambda *_: (torch.tensor([draws["zoom_across"]]), torch.tensor([draws["zoom_down"]])),
    )
    ours = augment(pictures[:1], Augmentation(flip=False))[0].numpy()
    matrix = keras_matrix(
        draws["angle"],
        64 * draws["down"],
        64 * draws["across"],
        draws["shear"],
        draws["zoom_down"],
        draws["zoom_across"],
    )
    for channel, picture in zip(ours, pictures[0].numpy(), strict=True):
        keras = affine_transform(picture, matrix[:2, :2], matrix[:2, 2], order=1, mode="nearest")
        np.testing.assert_allclose(channel, keras, atol=2e-4)


def test_the_notebooks_ranges():
    torch.manual_seed(2)
    rows = affine(4000, NOTEBOOK.augmentation)
    scale_down = rows[:, :, 1].norm(dim=1)
    assert scale_down.min() >= 0.8
    assert scale_down.max() <= 1.2
    angle = torch.rad2deg(torch.atan2(rows[:, 0, 1], rows[:, 1, 1]))
    assert 29 < angle.abs().max() <= 30.001
    assert 0.5 < rows[:, :, 2].norm(dim=1).max() <= 0.4 * 2**0.5 + 1e-6


def test_a_zoom_that_keeps_the_aspect_stretches_as_far_as_it_may_and_no_further():
    torch.manual_seed(2)
    how = Augmentation(flip=False, zoom=0.25, keep_aspect=True, stretch=0.1)
    rows = affine(4000, how)
    across, down = rows[:, 0, 0], rows[:, 1, 1]
    zoom, stretch = (across * down).sqrt(), (across / down).sqrt()
    for drawn, limit in ((zoom, 1.25), (stretch, 1.1)):
        assert 1 / limit - 1e-5 <= drawn.min() < 1.002 / limit
        assert limit / 1.002 < drawn.max() <= limit + 1e-5
    assert abs(float(torch.corrcoef(torch.stack([zoom.log(), stretch.log()]))[0, 1])) < 0.1


@pytest.mark.parametrize("how", [NOTEBOOK.augmentation, DEFAULT["xception"].augmentation])
def test_values_stay_in_range_and_repeat_from_a_seed(pictures, how):
    torch.manual_seed(3)
    first = augment(pictures, how)
    torch.manual_seed(3)
    again = augment(pictures, how)
    assert torch.equal(first, again)
    assert first.shape == pictures.shape
    assert first.min() >= 0
    assert first.max() <= 1 + 1e-6
    assert not torch.allclose(first, pictures, atol=0.05)


def test_outside_takes_the_nearest_edge():
    picture = torch.full((1, 3, 64, 64), 0.7)
    torch.manual_seed(4)
    shifted = augment(picture, Augmentation(shift=0.5, zoom=0.5))
    torch.testing.assert_close(shifted, picture)


def test_erase_greys_a_rectangle_of_at_most_a_quarter():
    torch.manual_seed(5)
    black = torch.zeros(200, 3, 64, 64)
    share = (augment(black, Augmentation(flip=False, erase=0.5)) == 0.5).float().mean(dim=(1, 2, 3))
    assert share.max() <= 0.26
    assert 0.35 < float((share > 0).float().mean()) < 0.6


def test_mixing_shows_a_square_of_another_training_picture_and_shares_its_label():
    torch.manual_seed(6)
    rows = torch.arange(0, 400, 2)  # the others do not learn
    mixture = draw_mixture(400, rows, Augmentation(mix=0.5), CPU)
    assert sorted(mixture.other[rows].tolist()) == rows.tolist()
    black, white = torch.zeros(200, 3, 64, 64), torch.ones(200, 3, 64, 64)
    mixed = mixture.pixels(rows, black, white)
    share = mixed.mean(dim=(1, 2, 3))
    assert 0.4 < float((share > 0).float().mean()) < 0.6
    assert share.max() <= 0.53  # whole pixels
    for picture in mixed[share > 0][:, 0]:
        down, across = picture.amax(1).sum(), picture.amax(0).sum()
        assert picture.sum() == down * across
        assert abs(down - across) <= 1
    one, other = torch.eye(2).repeat_interleave(200, 0).split(200)
    labels = mixture.labels(rows, one, other)
    torch.testing.assert_close(labels.sum(1), torch.ones(200))
    torch.testing.assert_close(labels[:, 1], share, atol=0.03, rtol=0)


def test_where_nothing_is_mixed_there_is_no_mixture():
    assert draw_mixture(4, torch.arange(4), Augmentation(), CPU) is None


def test_brightness_contrast_and_saturation_do_what_they_say(pictures):
    torch.manual_seed(6)
    grey = pictures.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    saturated = augment(grey, Augmentation(flip=False, saturation=0.5))
    torch.testing.assert_close(saturated, grey, atol=1e-4, rtol=0)
    contrast = augment(0.25 + pictures / 2, Augmentation(flip=False, contrast=0.3))
    means = contrast.mean(dim=(1, 2, 3)) - (0.25 + pictures / 2).mean(dim=(1, 2, 3))
    assert means.abs().max() < 1e-3
    bright = augment(pictures / 2, Augmentation(flip=False, brightness=0.3))
    ratio = bright.mean(dim=(1, 2, 3)) / (pictures / 2).mean(dim=(1, 2, 3))
    assert 0.7 <= ratio.min() < ratio.max() <= 1.3


def test_smaller_pictures_are_means_and_keep_their_colours(pictures):
    half = smaller(pictures, 32)
    assert half.shape == (6, 3, 32, 32)
    assert half.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(half.mean((2, 3)), pictures.mean((2, 3)), atol=0.01, rtol=0)
    stripes = (torch.arange(64) % 2).float().expand(1, 3, 64, 64)
    assert (smaller(stripes, 32)[..., 2:-2] - 0.5).abs().max() < 0.01
    assert smaller(pictures, 64) is pictures


def test_what_is_drawn_is_on_the_device_and_whatever_it_is_the_same_is_drawn():
    how = replace(DEFAULT["cnn"].augmentation, mix=0.5)
    drawn, states = {}, []
    for name in ("cpu", "meta"):
        torch.manual_seed(8)
        where = torch.device(name)
        drawn[name] = [*draw(6, how, where), *draw_mixture(6, torch.arange(6), how, where)]
        states.append(torch.get_rng_state())
    assert torch.equal(*states)
    for name, tensors in drawn.items():
        assert {tensor.device.type for tensor in tensors} == {name}
