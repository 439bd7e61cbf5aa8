"""Log to TensorBoard: event files in the folder ``tensorboard`` of the run's own.

They are written with TensorBoard's own protocol buffers: its functions for summaries would want TensorFlow, and
those of torch would load torch a second time.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from homotopy_bench.loggers.base import Logger, Point, Run, Tracker, flat, results

FOLDER = "tensorboard"

FLUSH_SECONDS = 10
"""Longest time after which TensorBoard sees an evaluation."""


SCORE = re.compile(r"(train|val)_(loss|acc|bits_per_byte|precision|recall|f1)(?:_(target|path|copies))?")
"""Keys of a network's scores: split, score, and whose it is."""

GROUPS = {"acc": "accuracy", "f1": "F1"}
"""Score -> section of TensorBoard, where that is another word."""

SECTIONS = {
    **dict.fromkeys(("epoch", "step", "u", "t"), "progress"),
    **dict.fromkeys(("lr", "grad_norm", "max_grad_norm", "loss_spikes"), "optimization"),
}
"""Key -> section of TensorBoard; keys that are in none belong to the method."""

CHARTS = ("accuracy", "loss", "precision", "recall", "F1")
"""Sections that are one chart each: target and path together."""


def tag(key: str) -> str:
    """Return the tag of a key of the metrics: its section of TensorBoard, a slash, and what it is there.

    Example:
        >>> [tag(key) for key in ("val_acc_target", "val_acc_path", "train_loss", "lr", "t", "kappa", "cost/hvp")]
        ['accuracy/val_target', 'accuracy/val_path', 'loss/train', 'optimization/lr', 'progress/t', 'method/kappa', \
'cost/hvp']
    """
    if "/" in key:
        return key
    if score := SCORE.fullmatch(key):
        split, name, whose = score.groups()
        return f"{GROUPS.get(name, name)}/{split}{f'_{whose}' if whose else ''}"
    return f"{SECTIONS.get(key, 'method')}/{key}"


class TensorBoard(Logger):
    """Write for TensorBoard: the metrics over the step, the configuration as hyper-parameters, and the picture."""

    name: Literal["tensorboard"] = "tensorboard"

    package: ClassVar[str] = "tensorboard"

    def open(self, run: Run) -> Tracker:
        """Return a new event file; that of a continued run takes back what was logged after its checkpoint."""
        return _Open(run)


class _Open:
    def __init__(self, run: Run) -> None:
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.plugins.hparams import metadata, plugin_data_pb2
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._events, self._summaries, self._plugin, self._metadata = event_pb2, summary_pb2, plugin_data_pb2, metadata
        self._writer = EventFileWriter(str(run.folder / FOLDER), flush_secs=FLUSH_SECONDS)
        self.id, self._step = FOLDER, run.step
        if run.known is not None:
            begin = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            self._writer.add_event(event_pb2.Event(wall_time=time.time(), step=run.step + 1, session_log=begin))
            return
        start = plugin_data_pb2.SessionStartInfo(start_time_secs=time.time())
        for key, value in flat(run.config):
            kind = {bool: "bool_value", int: "number_value", float: "number_value"}.get(type(value), "string_value")
            setattr(start.hparams[key], kind, str(value) if kind == "string_value" else value)
        self._session(metadata.SESSION_START_INFO_TAG, session_start_info=start)
        self._add(_layout())

    def log(self, points: Sequence[Point]) -> None:
        """Add every number over the step."""
        for point in points:
            self._step = point.step
            self._add(*({"tag": tag(key), "simple_value": value} for key, value in point.values.items()))

    def finish(self, summary: Mapping[str, Any] | None, files: Sequence[Path]) -> None:
        """Add results and picture."""
        if summary is not None:
            self._add(*({"tag": key, "simple_value": value} for key, value in results(summary).items()))
        for file in files:
            if file.suffix == ".png":
                image = self._summaries.Summary.Image(encoded_image_string=file.read_bytes())
                self._add({"tag": file.stem, "image": image})
        end = self._plugin.SessionEndInfo(end_time_secs=time.time())
        end.status = 2 if summary is None or summary["status"] == "failed" else 1  # of hparams/api.proto
        self._session(self._metadata.SESSION_END_INFO_TAG, session_end_info=end)
        self._writer.close()

    def _session(self, tag: str, **info: Any) -> None:
        content = self._plugin.HParamsPluginData(**info)
        self._add({"tag": tag, "metadata": self._metadata.create_summary_metadata(content)})

    def _add(self, *values: Mapping[str, Any]) -> None:
        summary = self._summaries.Summary(value=[self._summaries.Summary.Value(**value) for value in values])
        self._writer.add_event(self._events.Event(wall_time=time.time(), step=self._step, summary=summary))


def _layout() -> dict[str, Any]:
    """Return the summary by which the page of custom scalars draws every section of :data:`CHARTS` in one chart."""
    from tensorboard.compat.proto import tensor_pb2, types_pb2
    from tensorboard.plugins.custom_scalar import layout_pb2
    from tensorboard.plugins.custom_scalar import metadata as custom_scalar

    charts = [
        layout_pb2.Chart(title=section, multiline=layout_pb2.MultilineChartContent(tag=[f"^{section}/"]))
        for section in CHARTS
    ]
    layout = layout_pb2.Layout(category=[layout_pb2.Category(title="target and path", chart=charts)])
    content = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[layout.SerializeToString()])
    return {
        "tag": custom_scalar.CONFIG_SUMMARY_TAG,
        "metadata": custom_scalar.create_summary_metadata(),
        "tensor": content,
    }
