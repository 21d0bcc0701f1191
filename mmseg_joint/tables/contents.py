"""What the papers' tables are: their rows in the paper's order, and those that are only quoted."""

from __future__ import annotations

from dataclasses import dataclass, field

# scales beside the paper's -> what is trained and tested on there
SMALL = {
    'camvid': 'rendered streets → CamVid',
    'streets': 'rendered → camera streets',
}


@dataclass(frozen=True)
class Contents:
    """A table of a paper, without its numbers, which the configs state.

    Attributes:
        id: What the command line calls it.
        paper: The paper, as configs name it.
        number: The table, as configs name it.
        title: What is trained and tested on.
        rows: Its rows in the paper's order.
        base: The row that the others build on, if there is one.
        quoted: Rows that the paper itself quotes and no config runs -> mIoU; without labels.
    """

    id: str
    paper: str
    number: str
    title: str
    rows: tuple[str, ...]
    base: str | None = None
    quoted: dict[str, float] = field(default_factory=dict)

    def heading(self, scale: str) -> str:
        """Say in one line what table this is.

        Args:
            scale: At which scale its rows are run.

        Returns:
            Paper, table, and what it is trained and tested on.
        """
        name = f'Table {self.number}' if self.number[0].isdigit() else self.number
        if scale in SMALL:
            return f'{self.paper}, {name}: its rows on {SMALL[scale]}'
        return (
            f'{self.paper}: {name}'
            if name == self.title
            else (f'{self.paper}, {name}: {self.title}')
        )


DIRECT = 'Direct Joint Training'
HRS_ROWS = ('Ours with W^1', 'Ours with W^19')
UNSUPERVISED = ('Swami et al.', 'Conservative Loss', 'ROAD')
FEW_ROWS = (*UNSUPERVISED, 'FCN', DIRECT, 'Target Finetuning', 'FCN+GAN', 'PixelDA', *HRS_ROWS)
MAXSQUARE_ROWS = ('source only', 'MinEnt', 'MaxSquare', 'MaxSquare+IW', 'MaxSquare+IW+multi')

HRS = (
    Contents(
        *('hrs1', 'HRS', '1', 'GTA5 + Cityscapes → Cityscapes'),
        (
            *(*UNSUPERVISED, 'Hung et al.', 'FCN', DIRECT, 'Target Finetuning', 'FCN+GAN'),
            *('FCN+0-1 Conf. Mask', 'FCN+Focal Loss', 'FCN+W^1', 'PixelDA', *HRS_ROWS),
        ),
        base=DIRECT,
        quoted=dict(zip(UNSUPERVISED, (37.1, 38.1, 35.9))),
    ),
    Contents(
        *('hrs2', 'HRS', '2', 'SYNTHIA + Cityscapes → Cityscapes', FEW_ROWS),
        base=DIRECT,
        quoted=dict(zip(UNSUPERVISED, (34.8, 34.2, 36.2))),
    ),
    Contents(
        *('hrs3', 'HRS', '3', 'GTA5 + SYNTHIA + Cityscapes → Cityscapes'),
        FEW_ROWS[len(UNSUPERVISED) :],
        base=DIRECT,
    ),
    Contents(
        *('hrs4', 'HRS', '4', 'one level or three, GTA5 + Cityscapes → Cityscapes'),
        ('FCN', 'W^1, single', 'W^1, hierarchical', 'W^19, single', 'W^19, hierarchical'),
        base='FCN',
    ),
    Contents(
        *('hrs5', 'HRS', '5', 'W^19 with a share of the labelled Cityscapes, and all of GTA5'),
        ('1/8', '1/4', '1/2', 'full'),
    ),
)
ASS = (
    Contents(
        *('ass1', 'ASS', '1', 'GTA5 → Cityscapes, N labelled pictures'),
        ('Oracle', 'GA', 'GA+FCSA', 'GA+CSA'),
        base='Oracle',
    ),
    Contents(
        *('ass2a', 'ASS', '2a', 'λ_sadv of GA+FCSA, GTA5 → Cityscapes'),
        ('λ = 1', 'λ = 0.2', 'λ = 0.04', 'λ = 0.008'),
    ),
    Contents(
        *('ass2b', 'ASS', '2b', 'λ_sadv of GA+CSA, GTA5 → Cityscapes'),
        ('λ = 1', 'λ = 0.1', 'λ = 0.01', 'λ = 0.001'),
    ),
    Contents(
        *('ass3', 'ASS', '3', 'SYNTHIA → Cityscapes, 13 classes, N labelled pictures'),
        ('Oracle', 'GA', 'GA+CSA'),
        base='Oracle',
    ),
)
MAXSQUARE = (
    *(
        Contents(f'maxsquare-{name.lower()}', 'MaxSquare', pair, pair, rows, base)
        for name, pair, rows, base in (
            ('GTA5', 'GTA5 → Cityscapes', MAXSQUARE_ROWS, 'source only'),
            ('SYNTHIA', 'SYNTHIA → Cityscapes', MAXSQUARE_ROWS[-1:], None),
        )
    ),
    *(
        Contents(
            *(f'maxsquare-{city.lower()}', 'MaxSquare', f'Cityscapes → {city}'),
            f'Cityscapes → {city}',
            ('source only', 'MaxSquare', 'MaxSquare+IW'),
            base='source only',
        )
        for city in ('Rome', 'Rio', 'Tokyo', 'Taipei')
    ),
)
TABLES = (*HRS, *ASS, *MAXSQUARE)
