"""Single steps and epochs of `cnn` on a few drawings."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from simpsons import models
from simpsons.dataset import cache
from simpsons.dataset.split import Split
from simpsons.models.inference import predict_logits
from simpsons.training import augment, checkpoint, loop
from simpsons.training.interrupt import Interrupt
from simpsons.training.observer import Epoch, Silent
from simpsons.training.recipe import Augmentation, Recipe

PLAIN = Augmentation(flip=False)
RECIPE = Recipe("small", 2, 18, "adam", 1e-3, average=0.9, augmentation=PLAIN)


@pytest.fixture(scope="module")
def dataset(drawings):
    return cache.load(drawings)


@pytest.fixture(scope="module")
def split(dataset):
    """36 training pictures, two steps an epoch, and 18 to validate with."""
    part = np.tile(["train", "validation", "train", "test"], len(dataset) // 4)
    return Split("given", None, part, np.arange(len(dataset)))


@pytest.fixture
def training_of(dataset, split):
    """A training by a recipe, as it is at the beginning of its first epoch."""

    def begun(recipe=RECIPE, initial=None, seed=0):
        device = torch.device("cpu")
        training = loop.Classification(dataset, split, "cnn", recipe, initial, (), seed, device)
        training.changes = augment.draw(len(dataset), recipe.augmentation, device)
        training.mixture = augment.draw_mixture(
            len(dataset), training.train_rows, recipe.augmentation, device
        )
        return training

    return begun


def epochs(*accuracies):
    return [Epoch(n, 1.0, 0.5, 1.0, right, 1e-3, 9.0, 0.1) for n, right in enumerate(accuracies, 1)]


def rows_of(training, count=18):
    return training.train_rows.flip(0)[:count]


def watched(training, monkeypatch):
    """The pixels that the network sees and the labels that it is to answer, by step."""
    seen, asked, forward, targets = [], [], training.forward, loop.targets
    monkeypatch.setattr(training, "forward", lambda pixels: seen.append(pixels) or forward(pixels))
    monkeypatch.setattr(loop, "targets", lambda *given: asked.append(given[0]) or targets(*given))
    return seen, asked


def original(training, rows):
    return training.pixels[rows].permute(0, 3, 1, 2).float() / 255


def test_the_initial_weights_are_the_first_ones(training_of):
    torch.manual_seed(5)
    initial = models.build("cnn")
    training = training_of(initial=initial)
    for network in (training.network, training.average.network):
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensor, initial.state_dict()[name]), name


def test_each_picture_is_changed_as_was_drawn_for_it(training_of, monkeypatch):
    training = training_of(replace(RECIPE, augmentation=replace(PLAIN, brightness=0.5)))
    seen, asked = watched(training, monkeypatch)
    rows = rows_of(training)
    training.step(rows)
    expected = (original(training, rows) * training.changes.brightness[rows]).clamp(0, 1)
    torch.testing.assert_close(seen[0], expected, atol=1e-4, rtol=0)
    assert (seen[0] - original(training, rows)).abs().mean() > 0.05
    assert torch.equal(asked[0], one_hot(training.labels[rows], 18).float())


def test_a_mixed_picture_has_the_labels_of_both_by_their_share(training_of, monkeypatch):
    training = training_of(replace(RECIPE, augmentation=replace(PLAIN, mix=1.0)))
    seen, asked = watched(training, monkeypatch)
    rows = rows_of(training)
    training.step(rows)
    others = training.mixture.other[rows]
    area = training.mixture.square[rows][:, 0] * training.mixture.square[rows][:, 2]
    expected = torch.zeros(len(rows), 18)
    for row, (label, other, share) in enumerate(
        zip(training.labels[rows], training.labels[others], area, strict=True)
    ):
        expected[row, label] += 1 - share
        expected[row, other] += share
    torch.testing.assert_close(asked[0], expected)
    mixed = training.mixture.pixels(rows, original(training, rows), original(training, others))
    torch.testing.assert_close(seen[0], mixed, atol=1e-4, rtol=0)
    assert (asked[0].amax(1) < 0.99).any()


def test_each_step_has_the_learning_rate_of_the_recipe(training_of):
    training = training_of(replace(RECIPE, schedule="one-cycle", warm_up=0.5))
    rates = []
    for _ in range(4):
        training.step(rows_of(training))
        rates.append([group["lr"] for group in training.optimizer.param_groups])
    assert rates == [[pytest.approx(rate)] for rate in (1e-6, 5e-4, 1e-3, 5e-4)]


@pytest.mark.parametrize(
    ("accuracies", "is_best"),
    [((0.0,), True), ((0.5, 0.6), True), ((0.5, 0.5), False), ((0.5, 0.4, 0.45), False)],
)
def test_only_a_higher_accuracy_is_the_best(training_of, accuracies, is_best):
    training = training_of()
    training.history = epochs(*accuracies)
    assert training.is_best() == is_best


def test_a_tie_keeps_the_first_best_epoch(training_of, tmp_path):
    training = training_of()
    for accuracies in ((0.5,), (0.5, 0.5)):
        training.history = epochs(*accuracies)
        training.save(tmp_path)
    assert checkpoint.read(tmp_path / loop.BEST).facts["epoch"] == 1
    assert len(checkpoint.read(tmp_path / loop.LAST).facts["history"]) == 2


def test_what_was_learnt_before_is_measured_first_and_kept_if_no_epoch_is_better(
    training_of, tmp_path
):
    learnt = training_of(seed=3)
    learnt.run_epoch(Silent(), Interrupt())
    initial = learnt.average.network
    training = training_of(replace(RECIPE, learning_rate=0.5), initial)
    loop.run(training, tmp_path, Silent())
    first = training.history[0]
    labels = training.labels[training.validation_rows]
    logits = predict_logits(initial, training.pixels, training.validation_rows)
    assert [row.epoch for row in training.history] == [0, 1, 2]
    assert first.validation_loss == pytest.approx(cross_entropy(logits, labels).item(), rel=1e-5)
    assert (first.train_loss, first.images_per_second, first.learning_rate) == (None, None, 0)
    later = [row.validation_accuracy for row in training.history[1:]]
    assert max(later) <= first.validation_accuracy
    kept = checkpoint.read(tmp_path / loop.BEST)
    assert kept.facts["epoch"] == 0
    for name, tensor in initial.state_dict().items():
        torch.testing.assert_close(kept.tensors[name], tensor, msg=name)
    assert (tmp_path / loop.METRICS).read_text().splitlines()[1].startswith("0,,,")


def test_new_weights_have_no_epoch_before_the_first(training_of, tmp_path):
    training = training_of()
    loop.run(training, tmp_path, Silent())
    assert [row.epoch for row in training.history] == [1, 2]


def test_a_training_that_goes_on_from_its_state_is_at_the_same_epoch_and_step(
    training_of, tmp_path
):
    training = training_of(initial=models.build("cnn"))
    training.measure_first()
    training.run_epoch(Silent(), Interrupt())
    training.save(tmp_path)
    again = training_of()
    again.restore(checkpoint.read(tmp_path / loop.LAST))
    assert (again.epoch, again.step_number) == (1, training.step_number)
    assert again.history == training.history


def test_what_is_validated_is_the_average(training_of):
    training = training_of(replace(RECIPE, learning_rate=1e-2))
    training.run_epoch(Silent(), Interrupt())
    labels = training.labels[training.validation_rows]
    losses = [
        cross_entropy(predict_logits(network, training.pixels, training.validation_rows), labels)
        for network in (training.average.network, training.network)
    ]
    assert training.history[0].validation_loss == pytest.approx(losses[0].item(), rel=1e-5)
    assert losses[1].item() != pytest.approx(losses[0].item(), rel=1e-4)


def test_a_cpu_that_trains_in_bf16_validates_in_float32(training_of, monkeypatch):
    training = training_of()
    training.autocast = torch.autocast("cpu", torch.bfloat16, cache_enabled=False)
    is_bf16 = []

    def watched(*given):
        is_bf16.append(torch.is_autocast_enabled("cpu"))
        return predict_logits(*given)

    monkeypatch.setattr(loop, "predict_logits", watched)
    training.run_epoch(Silent(), Interrupt())
    assert is_bf16 == [False]


def test_an_epoch_learns_from_all_training_pictures_and_no_others(training_of, split):
    assert set(torch.cat(list(training_of()._batches())).tolist()) == set(
        split.rows("train").tolist()
    )


def test_a_loss_that_is_not_finite_is_seen_within_20_steps(training_of):
    training = training_of(replace(RECIPE, batch=1))
    with torch.no_grad():
        next(training.network.parameters()).fill_(torch.nan)
    with pytest.raises(loop.TrainingError, match="not finite in epoch 1"):
        training.run_epoch(Silent(), Interrupt())
    assert training.step_number == 20


def test_an_epoch_that_goes_on_counts_the_steps_before(training_of, tmp_path):
    stopped, resumed = training_of(), training_of(seed=1)
    resumed.seed = stopped.seed
    torch.manual_seed(loop.seed_of(stopped.seed, 0))
    stopped.step(stopped._batches()[0])
    before = stopped.tally.add_up()
    checkpoint.write(tmp_path / loop.LAST, stopped.state())
    resumed.restore(checkpoint.read(tmp_path / loop.LAST))
    assert resumed.tally.add_up() == before
    assert before[2] == 18
    for training in (stopped, resumed):
        training.run_epoch(Silent(), Interrupt())
        assert training.tally.add_up() == [0.0, 0.0, 0.0]
    for figure in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"):
        again = getattr(resumed.history[0], figure)
        assert again == pytest.approx(getattr(stopped.history[0], figure), rel=1e-5), figure


@pytest.mark.parametrize(("before", "inside", "expected"), [(2, 1, 3), (4, 1, 2), (4, 3, 4)])
def test_where_the_pictures_are_fewer_it_goes_on_at_the_same_share_of_the_epoch(
    training_of, before, inside, expected
):
    training = training_of()
    state = training.state()
    assert training.steps_per_epoch == state.facts["steps_per_epoch"] == 2
    state.facts |= {"steps_per_epoch": before, "step": before + inside}
    state.facts["history"] = [asdict(row) for row in epochs(0.5)]
    training.restore(state)
    assert training.step_number == expected


@pytest.mark.parametrize("step", [-1, 1, 5])
def test_a_step_that_is_in_no_epoch_is_refused(training_of, step):
    training = training_of()
    state = training.state()
    state.facts |= {"step": step, "history": [asdict(row) for row in epochs(0.5)]}
    with pytest.raises(ValueError, match=f"step is {step}"):
        training.restore(state)


@pytest.mark.parametrize("name", ["exp_avg", "exp_avg_sq"])
def test_an_optimizers_state_of_another_shape_is_refused(training_of, name):
    training = training_of()
    training.step(rows_of(training))
    state = training.state()
    state.tensors[f"optimizer.0.{name}"] = torch.zeros(3, 3)
    with pytest.raises(checkpoint.CheckpointError, match="of another network or recipe"):
        training.restore(state)


# ---- as Keras does it ----------------------------------------------------------------------


def of_network(dataset, split, network, recipe):
    device = torch.device("cpu")
    return loop.Classification(dataset, split, network, recipe, None, (), 0, device)


def test_first_weights_are_those_of_pytorch_or_of_keras(dataset, split):
    torch.manual_seed(0)
    built = models.build("cnn")
    ours = of_network(dataset, split, "cnn", RECIPE)
    for name, tensor in built.state_dict().items():
        assert torch.equal(ours.network.state_dict()[name], tensor), name
    keras = of_network(dataset, split, "cnn", replace(RECIPE, first_weights="keras"))
    for network in (keras.network, keras.average.network):
        last = network.head[-1]
        assert not last.bias.any()
        limit = (6 / (1024 + 18)) ** 0.5
        assert 0.99 * limit < last.weight.abs().max() <= limit  # PyTorch's is 1024 ** -0.5


def test_batch_norms_remember_as_the_recipe_says(dataset, split):
    training = of_network(dataset, split, "xception", replace(RECIPE, batch_norm_momentum=0.01))
    first = training.network.blocks[0].main[0]
    assert first.eps == 1e-3
    seen = []
    first.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach().float()))
    training.begin_epoch()
    training.step(training.train_rows[:9])
    batch = seen[0]
    torch.testing.assert_close(first.running_mean, 0.01 * batch.mean((0, 2, 3)), rtol=1e-3, atol=0)
    expected = 0.99 + 0.01 * batch.var((0, 2, 3))
    torch.testing.assert_close(first.running_var, expected, rtol=1e-4, atol=0)


@pytest.mark.parametrize(("batch", "sizes"), [(16, [16, 16, 4]), (18, [18, 18]), (50, [36])])
def test_the_short_last_batch_is_kept_and_no_picture_comes_twice(dataset, split, batch, sizes):
    recipe = replace(RECIPE, batch=batch, short_last_batch=True)
    training = of_network(dataset, split, "cnn", recipe)
    batches = training._batches()
    assert [len(rows) for rows in batches] == sizes
    assert training.steps_per_epoch == len(sizes)
    assert sorted(torch.cat(list(batches)).tolist()) == split.rows("train").tolist()


def test_an_epoch_of_short_batches_ends_and_goes_on(dataset, split, tmp_path):
    recipe = replace(RECIPE, batch=16, short_last_batch=True)
    history = loop.train(dataset, split, "cnn", recipe, tmp_path, device="cpu", observer=Silent())
    assert len(history) == 2
    assert checkpoint.read(tmp_path / loop.LAST).facts["step"] == 6


def test_float32_is_float32_where_bf16_is_faster(dataset, split, monkeypatch):
    monkeypatch.setattr("simpsons.training.device._multiplies_bf16", lambda device: True)
    for precision, expected in (("fastest", torch.bfloat16), ("float32", torch.float32)):
        training = of_network(dataset, split, "cnn", replace(RECIPE, precision=precision))
        types, first = [], training.network.features[0]
        first.register_forward_hook(lambda *given, types=types: types.append(given[2].dtype))
        training.begin_epoch()
        training.step(training.train_rows[:4])
        assert types == [expected]
