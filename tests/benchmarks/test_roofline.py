import pytest

from benchmarks.roofline import FORWARD, TRAINING, Machine, Work

MACHINE = Machine(gflops=100, gigabytes=10, decoded=500, threads=2)


def test_work_of_the_networks():
    forward = Work.of("cnn", FORWARD)
    assert forward.flop == pytest.approx(0.288e9, rel=0.01)
    assert Work.of("cnn", TRAINING).flop == 3 * forward.flop
    assert Work.of("xception", FORWARD).flop < forward.flop / 4
    assert Work.of("xception", TRAINING).traffic > 3 * Work.of("xception", FORWARD).traffic


def test_shares_of_the_machines_best():
    work = Work(flop=1e9, traffic=1e8, files=1)
    shares = work.shares(50, MACHINE)
    assert shares == pytest.approx({"arithmetic": 0.5, "memory": 0.5, "decoding": 0.05})


@pytest.mark.parametrize(
    ("work", "bound"),
    [
        (Work(flop=1.6e9), "The bound is arithmetic."),
        (Work(files=1), "none of these but the cost of starting the processes that decode."),
        (Work(flop=1e7, files=1), "none of these but the cost of starting each small step."),
        (Work(flop=0.6e9, files=10), "The bound is decoding, then arithmetic."),
    ],
)
def test_the_largest_share_is_the_bound(work, bound):
    assert bound in work.sentence("Anything", 50, MACHINE)
