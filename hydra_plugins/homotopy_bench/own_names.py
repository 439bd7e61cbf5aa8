"""The choices of ``hydra/launcher`` in conf/ stand for themselves, whatever other packages are installed.

A package of launchers may store a schema under a name that is one of ours. Hydra would then check our file against it,
which it calls deprecated, and would find keys that the schema does not know.
"""

from __future__ import annotations

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.plugins.search_path_plugin import SearchPathPlugin

from homotopy_bench.core.conf_files import conf_dir

GROUP = ("hydra", "launcher")


class OwnNames(SearchPathPlugin):
    """Called when all plugins have stored what they have, and before anything is composed."""

    def manipulate_search_path(self, _: ConfigSearchPath) -> None:
        """Forget the schemas of other launchers with names of ours; the search path stays as it is."""
        stored = ConfigStore.instance().repo
        for part in GROUP:
            stored = stored.get(part, {})
        for file in conf_dir().joinpath(*GROUP).glob("*.yaml"):
            stored.pop(file.name, None)
