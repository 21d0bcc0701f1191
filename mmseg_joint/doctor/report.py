from __future__ import annotations

from collections.abc import Iterable


class Report:
    """Prints what was found as it is found, and keeps the problems for the end."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def title(self, text: str) -> None:
        """Begin a section.

        Args:
            text: Its name.
        """
        print(f'\n{text}', flush=True)

    def line(self, name: str, text: object) -> None:
        """Print one fact.

        Args:
            name: What it is about.
            text: The fact.
        """
        print(f'  {name:<12} {text}', flush=True)

    def problem(self, text: object) -> None:
        """Keep a problem; one that is known already is not kept twice.

        Args:
            text: One sentence, with the remedy.
        """
        sentence = ' '.join(str(text).split())
        if sentence not in self.problems:
            self.problems.append(sentence)

    def problems_of(self, texts: Iterable[object]) -> None:
        """Keep several problems.

        Args:
            texts: A sentence each.
        """
        for text in texts:
            self.problem(text)

    def end(self) -> int:
        """Print all problems, one a line.

        Returns:
            The exit status: 1 if there is a problem.
        """
        print()
        for problem in self.problems:
            print(f'problem: {problem}')
        if not self.problems:
            print('no problem found')
        return int(bool(self.problems))
