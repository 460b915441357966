import json
from dataclasses import replace

import pytest

from simpsons.training.recipe import DEFAULT, NAMES, NOTEBOOK, Recipe, fitted, named


@pytest.mark.parametrize("recipe", [NOTEBOOK, *DEFAULT.values()])
def test_a_recipe_survives_json(recipe):
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_the_notebooks_recipe_is_the_notebooks():
    assert (NOTEBOOK.epochs, NOTEBOOK.batch, NOTEBOOK.optimizer) == (100, 32, "adam")
    assert {NOTEBOOK.learning_rate_at(done) for done in (0, 0.5, 1)} == {1e-4}
    augmentation = NOTEBOOK.augmentation
    assert augmentation.flip
    assert (augmentation.rotation, augmentation.shift) == (30, 0.2)
    assert (augmentation.shear, augmentation.zoom) == (0.2, 0.2)
    assert not augmentation.brightness
    assert not NOTEBOOK.average
    assert NOTEBOOK.first_weights == "keras"
    assert NOTEBOOK.batch_norm_momentum == 0.01  # 0.99 in Keras
    assert NOTEBOOK.precision == "float32"
    assert NOTEBOOK.short_last_batch
    assert NOTEBOOK.resize == "bilinear"  # of cv2.resize


def test_a_run_of_the_notebooks_recipe_as_it_was_goes_on_as_it_began():
    new = ("first_weights", "batch_norm_momentum", "precision", "short_last_batch", "resize")
    older = {name: value for name, value in NOTEBOOK.to_json().items() if name not in new}
    recipe = Recipe.from_json(older)
    assert [getattr(recipe, name) for name in new] == [
        *("pytorch", 0.1, "fastest", False, "antialias")
    ]
    for default in DEFAULT.values():
        assert [getattr(default, name) for name in new] == [getattr(recipe, name) for name in new]


def test_one_cycle_rises_to_the_peak_and_falls_to_zero():
    recipe = DEFAULT["xception"]
    rates = [recipe.learning_rate_at(step / 1000) for step in range(1001)]
    peak = rates.index(max(rates))
    assert peak == round(1000 * recipe.warm_up)
    assert max(rates) == recipe.learning_rate
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert 0 < rates[0] < 0.01 * recipe.learning_rate
    assert rates[-1] == 0


def test_pictures_grow_at_the_shares_that_the_recipe_says():
    recipe = replace(NOTEBOOK, sizes=((0.0, 32), (0.5, 48), (0.75, 64)))
    assert [recipe.size_at(done) for done in (0, 0.49, 0.5, 0.74, 0.75, 1)] == [
        32, 32, 48, 48, 64, 64
    ]  # fmt: skip
    assert NOTEBOOK.size_at(0) == NOTEBOOK.size_at(1) == 64
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_a_recipe_of_an_older_run_is_read():
    older = NOTEBOOK.to_json()
    del older["sizes"]
    del older["augmentation"]["mix"]
    assert Recipe.from_json(older) == NOTEBOOK


@pytest.mark.parametrize(("pictures", "batch"), [(17_077, 256), (8_000, 128), (6_399, 64), (9, 64)])
def test_on_a_gpu_batches_grow_while_an_epoch_keeps_its_steps(pictures, batch):
    recipe, times = DEFAULT["cnn"].on_gpu(pictures), batch / 64
    assert recipe.batch == batch
    assert recipe.learning_rate == pytest.approx(2e-3 * times**0.5)
    assert recipe.average == pytest.approx(0.99**times)
    assert recipe.views == 32
    assert recipe.epochs == DEFAULT["cnn"].epochs


@pytest.mark.parametrize(("pictures", "batch"), [(17_077, 64), (1_024, 64), (160, 8), (9, 8)])
def test_of_few_pictures_batches_are_small(pictures, batch):
    assert DEFAULT["cnn"].for_few(pictures) == replace(DEFAULT["cnn"], batch=batch)


def test_recipes_by_name():
    assert named("notebook", "cnn") == NOTEBOOK
    assert named("default", "cnn") == DEFAULT["cnn"]
    assert set(NAMES) == {"default", "notebook"}
    with pytest.raises(ValueError, match="use default or notebook"):
        named("best", "cnn")


@pytest.mark.parametrize("on_gpu", [False, True])
def test_our_recipe_is_fitted_to_data_and_device_and_no_other_is(on_gpu):
    default = DEFAULT["cnn"]
    few = fitted(default, "cnn", 36, on_gpu)
    assert few == (default.on_gpu(36) if on_gpu else default).for_few(36)
    assert few.batch == 8
    many = fitted(default, "cnn", 17_077, on_gpu)
    assert many == (default.on_gpu(17_077) if on_gpu else default)
    changed = replace(default, epochs=3, learning_rate=1e-4)
    assert fitted(changed, "cnn", 36, on_gpu) == replace(few, epochs=3, learning_rate=1e-4)
    for other in (NOTEBOOK, replace(default, name="mine"), replace(default, batch=32)):
        assert fitted(other, "cnn", 36, False) == other


def test_a_network_that_knows_all_classes_goes_on_at_a_tenth_of_the_learning_rate():
    going_on = DEFAULT["xception"].going_on()
    assert going_on == replace(DEFAULT["xception"], learning_rate=pytest.approx(3e-4))
