from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from mmseg_joint.errors import JointError
from mmseg_joint.study.cells import Cell, base_of
from mmseg_joint.study.charts import Chart
from mmseg_joint.study.rows import PAPER
from mmseg_joint.study.statistics import paired
from mmseg_joint.visualization.figures import new_figure

from .rows import Table


def draw_table(table: Table, cells: Sequence[Cell], scale: str) -> Figure:
    """Draw a table: a bar per row or, over several numbers of labels, a curve per row.

    The paper's numbers are drawn only at the paper's scale; on other data they are not comparable.
    There, the gains over the table's base row are drawn beside the bars, seed by seed.

    Raises:
        JointError: When there is nothing to draw.
    """
    cells = [c for c in cells if c.runs or (scale == PAPER and c.paper is not None)]
    if not cells:
        raise JointError(
            f'{table.id} has no finished run at the scale "{scale}", so there is nothing '
            'to draw: give the --work-dirs of some, or --run the table.'
        )
    bases = [None if scale == PAPER else base_of(table, cells, cell) for cell in cells]
    gains = [paired(c.scores(), b.scores()) if b else [] for c, b in zip(cells, bases)]
    chart = Chart(cells, gains, table.base, expected=scale == PAPER)
    figure = new_figure(chart.height)
    chart.draw(figure, table.heading(scale))
    return figure
