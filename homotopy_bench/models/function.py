"""Take an architecture from a function or class that returns an ordinary ``nn.Module``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import ConfigDict, create_model

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.included.modules import import_from, module_name, trees_of
from homotopy_bench.core.included.source import Maker, maker_of
from homotopy_bench.core.included.tree import python_of
from homotopy_bench.core.masking import error_line
from homotopy_bench.models.base import Model
from homotopy_bench.models.module import checked_network

if TYPE_CHECKING:
    import torch


class FunctionModel(Model):
    """Any network of standard modules, made by a function of the options.

    A function that takes ``input_shape`` or ``classes`` is given them. Its file is imported when a network is made,
    and may import torch as any other.
    """

    model_config = ConfigDict(protected_namespaces=())

    tree: ClassVar[str]
    maker: ClassVar[Maker]

    def largest(self) -> tuple[str, float]:
        """Return nothing of note: what makes the network large is not known."""
        return "name", 1.0

    def build(self, input_shape: tuple[int, ...], classes: int) -> torch.nn.Module:
        """Return a new network.

        Raises:
            InputError: If the file cannot be imported, or does not make a module from inputs of this shape to logits
                of so many classes.
        """
        (tree,) = trees_of([self.tree])
        module = import_from(tree, python_of("model", self.name), torch_free=False)
        make: Callable[..., Any] = getattr(module, self.maker.name)
        given = {"input_shape": input_shape, "classes": classes}
        options = {one.name: getattr(self, one.name) for one in self.maker.parameters}
        try:
            network = make(**options, **{name: given[name] for name in self.maker.given})
        except InputError:
            raise
        except Exception as error:  # whatever foreign code raises
            raise InputError("model", self.name, f"its network could not be made ({error_line(error)})") from error
        return checked_network(network, self.name, input_shape, classes)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Return how a copy is made in another process, where this class has to be made first."""
        return _remade, (self.tree, self.name, self.model_dump())


@cache
def function_model(key: str, maker: Maker, name: str) -> type[FunctionModel]:
    """Return the option class of a function of a tree, whose parameters are its fields.

    Args:
        key: The key of the tree.
        maker: The function.
        name: Of the choice.

    Raises:
        InputError: If a parameter has a name that the class needs itself.
    """
    (tree,) = trees_of([key])
    for one in maker.parameters:
        if hasattr(Model, one.name) or one.name.startswith("_") or one.name in ("name", "tree", "maker"):
            where = tree.place(python_of("model", name))
            raise InputError("include", where, f"has a parameter '{one.name}'; accepted: another name for this key")
    fields: dict[str, Any] = {one.name: (one.type, one.default) for one in maker.parameters}
    kind = create_model(
        maker.name,
        __base__=FunctionModel,
        __doc__=maker.about,
        __module__=module_name(tree, python_of("model", name)),
        name=(Literal[name], name),  # type: ignore[arg-type]  # its type is made here
        **fields,
    )
    kind.tree, kind.maker = tree.key, maker
    return kind


def _remade(tree: str, name: str, options: dict[str, Any]) -> FunctionModel:
    (found,) = trees_of([tree])
    maker = maker_of(found, name)
    assert maker is not None
    return function_model(tree, maker, name).model_validate(options)
