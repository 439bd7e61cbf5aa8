"""Configurations as YAML: what ``OmegaConf.to_yaml`` writes, by libyaml, which may fold a long line elsewhere.

Hydra writes three files for every job; PyYAML's own emitter takes 10 ms for them.
"""

from __future__ import annotations

from typing import Any

import yaml
from omegaconf import OmegaConf

BOOLEANS = frozenset(["y", "yes", "n", "no", "true", "false", "on", "off"])
"""What YAML 1.1 reads as a truth value, in small letters."""


class _Dumper(getattr(yaml, "CDumper", yaml.Dumper)):  # type: ignore[misc]  # libyaml is not everywhere
    """Quotes texts that OmegaConf would read as something else, as OmegaConf's own does."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        quoted = text.lower() in BOOLEANS or _is_float(text)
        node: yaml.ScalarNode = self.represent_scalar("tag:yaml.org,2002:str", text, style="'" if quoted else None)
        return node


_Dumper.add_representer(str, _Dumper.represent_text)


def to_yaml(config: Any) -> str:
    """Return a configuration as YAML, with its interpolations as they are written.

    Args:
        config: A DictConfig or ListConfig.

    Example:
        >>> print(to_yaml(OmegaConf.create({"lr": 0.1, "path": "${here}/a", "text": "1e-3"})), end="")
        lr: 0.1
        path: ${here}/a
        text: '1e-3'
    """
    container = OmegaConf.to_container(config, resolve=False, enum_to_str=True)
    text: str = yaml.dump(container, default_flow_style=False, allow_unicode=True, sort_keys=False, Dumper=_Dumper)
    return text


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
