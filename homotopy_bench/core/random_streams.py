"""Independent streams of random numbers, named by what they are for.

Seeds are paired: for one seed, the initialisation and the order of the data are the same whatever the method, because
each comes from a generator of its own that nothing else draws from. A stream depends on its names alone, so that a run
continued in the middle needs no saved generator.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


def stream_seed(seed: int, *names: str | int) -> int:
    """Return the seed of the stream that belongs to a run's seed and a purpose.

    Args:
        seed: The run's seed.
        *names: The purpose, for instance ``"order", epoch``.

    Returns:
        An integer in [0, 2^63), the leading bits of a SHA-256 digest.
    """
    digest = hashlib.sha256(repr((seed, *names)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def copy_seeds(seed: int, copies: int) -> list[int]:
    """Return the seeds of a member's copies: the first copy is the run of the member's own seed.

    Every other copy is, in its initial values and wherever it has batches of its own, the run of another seed.

    Args:
        seed: The member's seed.
        copies: Number m of copies.

    Returns:
        m seeds.
    """
    return [seed, *(stream_seed(seed, "copy", copy) for copy in range(1, copies))]


def permutation(samples: int, seed: int, epoch: int) -> Tensor:
    """Return the order in which a run visits its training samples in one epoch.

    Args:
        samples: Number N of training samples.
        seed: The run's seed.
        epoch: Epoch, from 0.

    Returns:
        A permutation of 0, ..., N-1, shape (N,), int64, on the host.
    """
    generator = torch.Generator().manual_seed(stream_seed(seed, "order", epoch))
    return torch.randperm(samples, generator=generator)


@contextmanager
def initialization(seed: int) -> Iterator[None]:
    """Let the global host generator be the run's initialisation stream, and give it back unchanged.

    Args:
        seed: The run's seed.

    Yields:
        Nothing; modules built inside draw their initial values from the stream.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "initialization"))
        yield
