"""Configurations written by libyaml are read as OmegaConf's own are."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from homotopy_bench.sweeps.launchers.dumping import to_yaml

AMBIGUOUS = [
    "1e-3",
    "1_000",
    "0x10",
    "on",
    "Y",
    "~",
    "null",
    ".inf",
    "nan",
    "1:30",
    "2020-01-01",
    "",
    " a",
    "a: b",
    "#",
]
texts = st.sampled_from(AMBIGUOUS) | st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="$\\"))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(texts, values, max_size=4))
def test_what_is_written_is_read_again(content: dict[str, object]) -> None:
    config = OmegaConf.create(content)
    assert isinstance(config, DictConfig)
    assert OmegaConf.create(to_yaml(config)) == OmegaConf.create(OmegaConf.to_yaml(config)) == config


def test_interpolations_stay_as_they_are_written() -> None:
    config = OmegaConf.create({"a": "1e-3", "b": "${a}", "c": ["${oc.env:NO_SUCH_VARIABLE}", "???"]})
    assert to_yaml(config) == OmegaConf.to_yaml(config)
