"""What a user's own test calls: it passes for what is shipped and written, and fails for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from homotopy_bench.cli.new import new_choice
from homotopy_bench.testing import check

EXAMPLES = Path(__file__).parent.parent / "examples"
SMALL = ("model.depth=3", "model.width=8", "dataset.samples=500")
CLIP = "training.clip_norm=null"
DIGITS = ("dataset=arrays", f"dataset.file={EXAMPLES / 'digits/digits.npz'}", "dataset.subset=120")


def test_the_method_of_the_examples(tmp_path: Path) -> None:
    check("method=progressive_depth", *SMALL, include=[EXAMPLES / "progressive_depth"], folder=tmp_path)


def test_the_examples_together(tmp_path: Path) -> None:
    include = [EXAMPLES / "progressive_depth", EXAMPLES / "small_resnet"]
    asked = ("method=progressive_depth", "model=small_resnet", "model.width=4", "model.blocks=1", *DIGITS)
    check(*asked, "training.epochs=1", include=include, folder=tmp_path)


@pytest.mark.parametrize("method", ["identity_homotopy", "convexity_annealing", "baseline"])
def test_an_ordinary_network_under_our_methods(method: str) -> None:
    asked = (f"method={method}", "model=small_resnet", "model.width=4", "model.blocks=2", *DIGITS)
    check(*asked, "training.epochs=1", include=[EXAMPLES / "small_resnet"])


@pytest.mark.parametrize(
    "asked", [("method=identity_homotopy", "optimizer.beta1=0.8"), ("method=baseline", "optimizer=lbfgs", CLIP)]
)
def test_a_sound_choice_with_an_optimiser_of_its_own(asked: tuple[str, ...]) -> None:
    check(*asked, *SMALL)


@pytest.mark.parametrize("kind", ["method", "model", "dataset"])
def test_a_written_choice_passes_its_own_test(kind: str, tmp_path: Path) -> None:
    *_, test = new_choice(kind, "mine", tmp_path)
    names: dict[str, object] = {"__file__": str(test), "__name__": "test_mine"}
    exec(compile(test.read_text(), str(test), "exec"), names)
    (own,) = (value for name, value in names.items() if name == "test_mine" and callable(value))
    own(tmp_path / "records")


BROKEN = {
    "not the target": ("1.001 - t", "method=mine at t = 1 is not the baseline: hidden.0.affine.weight differs"),
    "random": ("(1.0 - t) * t.new_empty(()).uniform_()", "seed 0 beside another is not the run alone"),
    "remembers": ("(1.0 - t) * network.__dict__.setdefault('calls', []).__len__()", "a continued training"),
}
"""What the coefficient of the identity is instead, and what is said of it."""


@pytest.mark.parametrize("case", BROKEN)
def test_a_wrong_method_is_found(case: str, tmp_path: Path) -> None:
    wrong, expected = BROKEN[case]
    path, *_ = new_choice("method", "mine", tmp_path)
    text = path.read_text()
    if case == "remembers":
        text = text.replace(
            '        return {"homo',
            "        vars(network)['calls'] = [*vars(network).get('calls', []), 1]\n        return {\"homo",
        )
    path.write_text(text.replace('"homotopy.s": 1.0 - t', f'"homotopy.s": {wrong}'))
    with pytest.raises(AssertionError, match=expected):
        check("method=mine", *SMALL, include=[tmp_path])
