"""``included://KEY``: the YAML files of an included folder of choices, as they were when it was hashed."""

from __future__ import annotations

import io

from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import OmegaConf

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.included.modules import trees_of
from homotopy_bench.core.included.tree import Tree


class IncludedSource(ConfigSource):
    """Reads the files of a tree of this process."""

    @staticmethod
    def scheme() -> str:
        """Return the scheme of its search paths."""
        return "included"

    @property
    def _tree(self) -> Tree:
        return trees_of([self.path])[0]

    def load_config(self, config_path: str) -> ConfigResult:
        """Return a file."""
        path = self._normalize_file_name(config_path)
        text = self._tree.text(f"conf/{path}")
        return ConfigResult(
            config=OmegaConf.load(io.StringIO(text)),
            path=self.full_path(),
            provider=self.provider,
            header=self._get_header_dict(text),
        )

    def available(self) -> bool:
        """Return whether the tree is at hand."""
        try:
            return bool(self._tree.files)
        except InputError:
            return False

    def is_group(self, config_path: str) -> bool:
        """Return whether there is a folder of this name."""
        folder = "/".join(part for part in ("conf", config_path.strip("/")) if part)
        return any(path.startswith(f"{folder}/") for path in self._tree.files)

    def is_config(self, config_path: str) -> bool:
        """Return whether there is a file of this name."""
        return f"conf/{self._normalize_file_name(config_path)}" in self._tree.files

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Return the names in a folder."""
        folder = "/".join(part for part in ("conf", config_path.strip("/")) if part)
        names = {
            path[len(folder) + 1 :].partition("/")[0] for path in self._tree.files if path.startswith(f"{folder}/")
        }
        files: list[str] = []
        for name in names:
            inner = "/".join(part for part in (config_path.strip("/"), name) if part)
            self._list_add_result(files, inner, name, results_filter)
        return sorted(set(files))
