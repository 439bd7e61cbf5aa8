"""Points worked on side by side give what they give one after another, and leave PyTorch's threads as they were."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from homotopy_bench.landscape.connectivity.chords import all_pairs, chord_of
from homotopy_bench.landscape.networks import Networks
from homotopy_bench.landscape.point_threads import PointThreads
from tests.landscape.trained import network, samples


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_are_in_order_and_each_thread_works_alone(threads: int) -> None:
    seen: set[int] = set()
    together = threading.Barrier(threads)

    def work(point: int) -> tuple[int, int]:
        seen.add(threading.get_ident())
        if point < threads:
            together.wait(timeout=60)  # passes only if as many points are worked on at once
        return point, torch.get_num_threads()

    with PointThreads() as own:
        assert own.map(work, 3 * threads) == [(point, 1) for point in range(3 * threads)]
    assert len(seen) == threads
    assert torch.get_num_threads() == threads
    assert (threading.get_ident() in seen) == (threads == 1)
    newcomer: list[int] = []
    thread = threading.Thread(target=lambda: newcomer.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert newcomer == [threads]


def test_fewer_points_than_threads_share_them(threads: int) -> None:
    with PointThreads() as own:
        counts = own.map(lambda point: torch.get_num_threads(), max(threads - 1, 1))
    assert counts == [threads] * max(threads - 1, 1)


def test_an_error_at_a_point_is_raised(threads: int) -> None:
    with pytest.raises(ZeroDivisionError), PointThreads() as own:
        own.map(lambda point: 1 / (point - 2), 6)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scores_do_not_depend_on_threads(dtype: torch.dtype, threads: int) -> None:
    networks, data = Networks.of([network("plain", seed) for seed in (1, 2, 3)], dtype), samples("plain").to(dtype)
    pair, a = torch.arange(3).repeat_interleave(5), torch.linspace(0, 1, 5, dtype=torch.float64).repeat(3)
    points = chord_of(networks, all_pairs(3)).at(pair, a)
    found = networks.evaluate([points, networks.points()], data)
    torch.set_num_threads(1)
    expected = networks.evaluate([points, networks.points()], data)
    torch.testing.assert_close(found.loss, expected.loss, rtol=1e-6, atol=0.0)
    assert torch.equal(found.error, expected.error)
