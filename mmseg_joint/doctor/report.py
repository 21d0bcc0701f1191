from __future__ import annotations


class Report:
    """Prints each finding at once, and keeps the problems for the end."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def title(self, text: str) -> None:
        """Begin a section."""
        print(f'\n{text}', flush=True)

    def line(self, name: str, text: object) -> None:
        """Print one fact, after the name of its subject."""
        print(f'  {name:<12} {text}', flush=True)

    def problem(self, *texts: object) -> None:
        """Keep problems, each a sentence with its remedy; duplicates are dropped."""
        for text in texts:
            message = ' '.join(str(text).split())
            if message not in self.problems:
                self.problems.append(message)

    def end(self) -> int:
        """Print all problems, one a line; return the exit status, 1 if there is one."""
        print()
        for problem in self.problems:
            print(f'problem: {problem}')
        if not self.problems:
            print('no problem found')
        return int(bool(self.problems))
