"""``homotopy_bench.compose`` answers a wrong override with our own error, in one line."""

from __future__ import annotations

import pickle

import pytest

from homotopy_bench import compose
from homotopy_bench.core.errors import InputError


@pytest.mark.parametrize(
    ("override", "key", "says"),
    [
        ("methd=baseline", "methd", "no such key; did you mean 'method'?"),
        ("method=basline", "method", "did you mean 'baseline'?"),
        ("hydra/launcher=jobli", "hydra/launcher", "did you mean 'joblib'?"),
        ("training.epoch=1", "training.epoch", "did you mean 'training.epochs'?"),
        ("logger.wandb.projet=x", "logger.wandb.projet", "did you mean 'logger.wandb.project' with logger=wandb?"),
        ("~sead", "sead", "did you mean 'seed'?"),
        ("method=null", "method", "accepted: baseline, convexity_annealing"),
        ("seed=1,2", "seed", "accepted: one value"),
        ("seed=[", "seed", "accepted: KEY=VALUE, +KEY=VALUE or ~KEY"),
        ("seed=${nowhere}", "seed", "'nowhere' not found"),
        ("training.epochs=0", "training.epochs", "accepted: an integer >= 1"),
    ],
)
def test_a_wrong_override_is_an_input_error(override: str, key: str, says: str) -> None:
    with pytest.raises(InputError) as raised:
        compose(override)
    line = str(raised.value)
    assert line.startswith(f"{override}: ")
    assert says in line
    assert "\n" not in line
    assert raised.value.key == key
    assert str(raised.value.value) == override.partition("=")[2]
    assert str(pickle.loads(pickle.dumps(raised.value))) == line
