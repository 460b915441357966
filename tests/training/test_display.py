from simpsons.training.display import Display, TensorBoard
from simpsons.training.observer import Epoch, to_csv

EPOCHS = [
    Epoch(1, 2.5, 0.2, 2.1, 0.3, 1e-3, 250.0, 4.0),
    Epoch(2, 1.5, 0.6, 1.2, 0.7, 1e-4, 260.0, 4.0),
]


def test_each_epoch_is_a_line_on_standard_error(capsys):
    with Display(2) as display:
        display.on_step(1, 100, 200, 2.5, 0.2)
        display.on_epoch(EPOCHS[:1], best=True)
        display.on_epoch(EPOCHS, best=False)
    captured = capsys.readouterr()
    assert captured.out == ""
    shown = " ".join(captured.err.split())
    assert "epoch 1/2" in shown
    assert "validation: loss 2.100, accuracy 30.0%" in shown
    assert "best so far" in shown
    assert "250 images/s" in shown


def test_tensorboard_gets_a_file_and_the_display_its_line(tmp_path, capsys):
    with Display(2) as display:
        TensorBoard(tmp_path, display).on_epoch(EPOCHS, best=True)
    assert list((tmp_path / "tensorboard").iterdir())
    assert "epoch" in capsys.readouterr().err


def test_metrics_csv_has_a_header_and_a_row_an_epoch():
    header, first, second = to_csv(EPOCHS).splitlines()
    assert header.startswith("epoch,train_loss,train_accuracy,validation_loss")
    assert first.startswith("1,2.5,0.2,")
    assert second.startswith("2,1.5,0.6,")
