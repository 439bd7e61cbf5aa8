"""Sort studies into groups that may be compared, and give each of them the look that it has in all figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from homotopy_bench.core.method_colours import method_colour
from homotopy_bench.report.html.markup import Content, Markup, element
from homotopy_bench.report.html.svg import SHAPES, legend_item, row_group
from homotopy_bench.report.protocol import label_protocols
from homotopy_bench.report.studies import Study


@dataclass(frozen=True)
class StyledStudy:
    """Hold a study with its number on the page, its colour and the shape of its marks."""

    study: Study
    key: str
    colour: str
    shape: str

    def group(self, *content: Content, tip: str) -> Markup:
        """Return drawings of this study as one group with a tip, which highlights and filters find."""
        return row_group(content, tip=tip, row=self.key, method=self.study.method)


@dataclass(frozen=True)
class StudyGroup:
    """Hold the studies of one data set, model and protocol, with the heading that tells them from the others."""

    heading: str
    dataset: str
    model: str
    studies: tuple[StyledStudy, ...]


def study_groups(studies: Iterable[Study]) -> list[StudyGroup]:
    """Return the studies by data set, model and protocol: those of a group had equal data and equally long trials."""
    sorted_ones = sorted(studies, key=lambda one: (one.dataset, one.model, one.method, one.name, one.path))
    by_model: dict[tuple[str, str], dict[tuple[tuple[str, str], ...], list[Study]]] = {}
    for one in sorted_ones:
        protocols = by_model.setdefault((one.dataset, one.model), {})
        protocols.setdefault(tuple(sorted(one.protocol.items())), []).append(one)
    groups: list[StudyGroup] = []
    number = 0
    for (dataset, model), protocols in by_model.items():
        labels = label_protocols([dict(one) for one in protocols])
        for label, members in zip(labels, protocols.values(), strict=True):
            heading = f"{dataset} / {model}" + (f" ({label})" if label else "")
            groups.append(StudyGroup(heading, dataset, model, tuple(_styled(members, number))))
            number += len(members)
    return groups


def study_legend(studies: Sequence[StyledStudy]) -> Markup:
    """Return the marks of studies with their names, as a list below a figure."""
    items = [
        legend_item(one.shape, one.colour, one.study.name, row=one.key, method=one.study.method) for one in studies
    ]
    return element("ul", items, class_="legend")


def _styled(studies: Sequence[Study], first: int) -> list[StyledStudy]:
    before: Counter[str] = Counter()
    styled = []
    for number, one in enumerate(studies, start=first):
        shape = SHAPES[before[one.method] % len(SHAPES)]
        styled.append(StyledStudy(one, f"study-{number}", method_colour(one.method), shape))
        before[one.method] += 1
    return styled
