"""What a small ensemble tells of memory and time."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from homotopy_bench.hardware import memory
from homotopy_bench.hardware.memory import available_memory
from homotopy_bench.runs.probe import pays, probe, step_bytes
from tests.composing import compose
from tests.training_runs import begin

NETWORK = (
    *("method=baseline", "model.depth=3", "model.width=8", "dataset.samples=500", "training.batch_size=32"),
    *("training.clip_norm=null", "hardware.dtype=float64", "optimizer=adam"),
)


def test_memory_of_a_step_is_that_of_parameters_moments_and_activations() -> None:
    parameters = (40 * 8 + 8) + 2 * (8 * 8 + 8) + (8 * 10 + 10)
    staying = 8 * parameters * (3 + 2)  # theta, its gradient, another while it is copied; two moments
    inputs, hidden, logits = 32 * 40, 3 * 32 * 8, 32 * 10
    per_member = step_bytes(begin(NETWORK))
    # Of every hidden layer its output before and after the activation may be kept, of the logits their log-softmax.
    assert staying + 2 * 8 * (inputs + hidden) <= per_member <= staying + 2 * 8 * (inputs + 2 * hidden + 3 * logits)
    for members in (2, 5):
        together = step_bytes(begin(*[(*NETWORK, f"seed={seed}") for seed in range(members)]))
        assert members * staying < together
        assert 0.7 * per_member < together / members < 1.5 * per_member


def test_a_probe_says_what_it_measured() -> None:
    configs = [compose(*NETWORK, f"seed={seed}", "training.epochs=10") for seed in range(10)]
    splits = configs[0].dataset.load(configs[0].paths.data_root())
    measured = probe(configs, splits, [1])
    assert (measured.members, measured.threads) == (8, 1)
    assert measured.gain is not None
    assert measured.gain > 0
    only_memory = probe(configs, splits, [1], timed=False)
    assert only_memory.gain is None
    assert only_memory.bytes_per_member == measured.bytes_per_member


@pytest.mark.parametrize(("steps", "members", "expected"), [(99, 1000, False), (2800, 1, False), (2800, 2, True)])
def test_short_runs_are_not_measured(steps: int, members: int, expected: bool) -> None:
    assert pays(steps, members) is expected


def test_memory_is_what_system_and_container_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "groups")
    host = torch.device("cpu")
    assert available_memory(host) > 10**6
    (tmp_path / "groups").write_text("3:cpu,memory:/old\n0::/slurm/job/step\n")
    limit(tmp_path / "slurm/job", "5000")
    assert available_memory(host) == 4700, "what is cached of files is given up"
    limit(tmp_path / "slurm/job/step", "max")
    assert available_memory(host) == 4700
    limit(tmp_path, "4000")
    assert available_memory(host) == 3700, "the limit of a container stands at the top"
    limit(tmp_path / "memory/old", "2000", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    assert available_memory(host) == 1700


def limit(
    folder: Path, most: str, name: str = "memory.max", used: str = "memory.current", cached: str = "inactive_file"
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"{most}\n")
    (folder / used).write_text("1000\n")
    (folder / "memory.stat").write_text(f"anon 100\n{cached} 700\n")
