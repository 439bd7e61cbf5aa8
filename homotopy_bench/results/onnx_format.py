"""Write a network as ONNX (extra ``[onnx]``), from its program of ``torch.export``.

This is the exporter that torch has kept (``dynamo=True``), which writes graphs with onnxscript; the older one, by
TorchScript, is deprecated. ONNX Runtime has no convolutions in float64: such a network is refused.
"""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from typing_extensions import override

from homotopy_bench.core.errors import InputError
from homotopy_bench.results.formats import ABOUT, BATCH, INPUT, OUTPUT, ExportFormat
from homotopy_bench.results.torch_format import exported_program

if TYPE_CHECKING:
    import onnx

PACKAGES = ("onnx", "onnxscript", "onnxruntime")


class OnnxFormat(ExportFormat):
    """Graph and parameters in one file, with a first dimension ``batch`` of any length."""

    name = "onnx"
    suffix = ".onnx"

    @override
    def encode(self, network: nn.Module, x: Float[Tensor, " B *input"], about: str) -> bytes:
        if missing := [package for package in PACKAGES if find_spec(package) is None]:
            accepted = f"{', '.join(missing)} not installed; pip install 'homotopy-bench[onnx]'"
            raise InputError("--format", self.name, accepted)
        import onnx

        program = exported_program(network, x)
        with warnings.catch_warnings():
            # Torch's exporter copies its own tree specifications in a way that torch itself deprecates.
            warnings.filterwarnings("ignore", "`isinstance\\(treespec, LeafSpec\\)` is deprecated", FutureWarning)
            graph = torch.onnx.export(program, dynamo=True, input_names=[INPUT], output_names=[OUTPUT], verbose=False)
        assert graph is not None  # it is without a file's name
        model: onnx.ModelProto = graph.model_proto
        _name_batch(model)
        onnx.helper.set_model_props(model, {ABOUT: about})
        onnx.checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString()
        return content

    @override
    def logits(self, content: bytes, network: nn.Module, x: Float[Tensor, " B *input"]) -> Float[Tensor, "B classes"]:
        import onnxruntime

        options: Any = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        return torch.from_numpy(session.run([OUTPUT], {INPUT: x.numpy()})[0])


def _name_batch(model: onnx.ModelProto) -> None:
    """Give the dimension of any length its name in place of torch's, which is a number."""
    given = model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param == given:
                dimension.dim_param = BATCH


FORMAT = OnnxFormat()
