"""What a measure has to do at the least, what the machine can do, and which of it is the bound."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.spread import digits
from simpsons import models
from simpsons.models.summary import layers

FORWARD, TRAINING = 1, 3
"""Passes over the network: backwards is two more, for the gradients of weights and of inputs."""


@dataclass(frozen=True)
class Machine:
    """The best the machine does, by `peers.ours.machine`.

    gflops: GFLOP/s of a large matrix product, float32 or bf16. gigabytes: GB/s of a large copy.
    decoded: pictures a second that one thread decodes at an eighth of their size. threads: of the
    processor.
    """

    gflops: float
    gigabytes: float
    decoded: float
    threads: int

    def text(self, name: str = "The machine") -> str:
        """A sentence."""
        return (
            f"{name} multiplies matrices at {digits(self.gflops)} GFLOP/s, copies "
            f"{digits(self.gigabytes)} GB/s, and one thread decodes {digits(self.decoded)} "
            "pictures of about 430x430 a second at an eighth of their size."
        )


@dataclass(frozen=True)
class Work:
    """What one picture costs. flop: floating-point operations. traffic: bytes of activations,
    each written once and read once a pass, if nothing stays in a cache. files: 1 if it is decoded.
    """

    flop: float = 0.0
    traffic: float = 0.0
    files: int = 0

    @classmethod
    def of(cls, network: str, passes: int, files: int = 0, size: int = 4) -> "Work":
        """Of `cnn` or `xception`, with activations of `size` bytes.

        A runtime that only classifies fuses all but multiplications.
        """
        every = layers(models.build(network))
        stored = every if passes == TRAINING else [layer for layer in every if layer.multiply_adds]
        values = sum(_product(layer.shape) for layer in stored)
        multiply_adds = sum(layer.multiply_adds for layer in every)
        return cls(2.0 * multiply_adds * passes, 2.0 * size * values * passes, files)

    def shares(self, rate: float, machine: Machine) -> dict[str, float]:
        """At `rate` pictures a second, the share of the machine's best that is used, 0 to 1."""
        return {
            "arithmetic": self.flop * rate / 1e9 / machine.gflops,
            "memory": self.traffic * rate / 1e9 / machine.gigabytes,
            "decoding": self.files * rate / machine.decoded / machine.threads,
        }

    def sentence(self, name: str, rate: float, machine: Machine) -> str:
        """What the measure called `name` does of this work at `rate` pictures a second."""
        shares = {what: share for what, share in self.shares(rate, machine).items() if share}
        used = ", ".join(f"{what} {share:.0%}" for what, share in shares.items())
        cost = f"{self.flop / 1e9:.3f} GFLOP a picture, " if self.flop else ""
        return (
            f"**{name}:** {cost}{digits(rate)} a second: {used} of the machine's best. "
            f"{_bound(shares)}"
        )


def _bound(shares: dict[str, float]) -> str:
    most = max(shares, key=lambda what: shares[what])
    if shares[most] < 0.25:
        started = "the processes that decode" if list(shares) == ["decoding"] else "each small step"
        return f"The bound is none of these but the cost of starting {started}."
    if sum(shares.values()) > 1.15 * shares[most] and shares[most] < 0.6:
        second = sorted(shares, key=lambda what: shares[what])[-2]
        return f"The bound is {most}, then {second}."
    return f"The bound is {most}."


def _product(shape: Sequence[int]) -> int:
    result = 1
    for length in shape:
        result *= length
    return result
