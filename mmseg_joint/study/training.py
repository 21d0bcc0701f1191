from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from .jobs import Job

POLL = 0.5  # seconds between two looks at a log
LOG = 'train.log'


Start = Callable[[Job], 'subprocess.Popen[bytes]']


class Pace:
    """What an iteration has cost so far, and what the rest will.

    A config that has not been timed is taken for the mean of those that have.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def note(self, config: str, seconds: float | None) -> None:
        """Keep the newest measurement.

        Args:
            config: The config's name.
            seconds: Of an iteration; None if not known.
        """
        if seconds:
            self._seconds[config] = seconds

    def remaining(self, left: Sequence[tuple[str, int]]) -> float | None:
        """Expect how long runs will take.

        Args:
            left: The config's name and the iterations left, of each run.

        Returns:
            Seconds; None as long as nothing has been timed.
        """
        if not self._seconds:
            return None
        mean = sum(self._seconds.values()) / len(self._seconds)
        return sum(self._seconds.get(config, mean) * iterations for config, iterations in left)


def start_process(tool: Path) -> Start:
    """Make what starts a run: tools/train.py in a process of its own.

    Args:
        tool: The tool.

    Returns:
        The function; what the process prints is added to `train.log` in the run's work dir.
    """

    def start(job: Job) -> subprocess.Popen[bytes]:
        job.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(tool), *job.arguments]
        with (job.folder / LOG).open('a', encoding='utf-8') as stream:
            return subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT)

    return start


def train_missing(jobs: Sequence[Job], start: Start) -> list[Job]:
    """Train what is not finished, one run after the other.

    A run that fails is told of, and the others go on.

    Args:
        jobs: All runs.
        start: Starts one.

    Returns:
        The runs that failed.

    Raises:
        JointError: When a run finished earlier, with another schedule.
    """
    pace, waiting = Pace(), []
    for job in jobs:
        run = job.run()
        pace.note(job.row.stem, run.seconds if run else None)
        if not (run and run.finished):
            waiting.append(job)
    print(f'{len(jobs) - len(waiting)} of {len(jobs)} runs are finished.', flush=True)
    failed = []
    for number, job in enumerate(waiting):
        place = f'[{len(jobs) - len(waiting) + number + 1}/{len(jobs)}]'
        left = [(other.row.stem, _left(other)) for other in waiting[number:]]
        print(f'{place} {job.name}; {_expectation(pace.remaining(left))}', flush=True)
        problem = _train(job, start, pace, left[1:])
        if problem:
            print(f'{place} failed: {problem}', flush=True)
            failed.append(job)
    return failed


def _train(job: Job, start: Start, pace: Pace, after: list[tuple[str, int]]) -> str:
    """Train one run under a progress bar; say what went wrong, if anything did."""
    before = iterations_done(job)
    process = start(job)
    first, began = None, 0.0
    try:
        with tqdm(total=job.total, desc=job.name, unit='it') as bar:
            while process.poll() is None:
                time.sleep(POLL)
                done = iterations_done(job)
                if first is None:
                    if done != before:  # its first line in the log: from here on it is timed
                        first, began = done, time.monotonic()
                elif done > first:
                    pace.note(job.row.stem, (time.monotonic() - began) / (done - first))
                    seconds = pace.remaining([(job.row.stem, job.total - done), *after])
                    bar.set_postfix_str(_expectation(seconds), refresh=False)
                bar.update(max(done - bar.n, 0))
            bar.update(max(iterations_done(job) - bar.n, 0))
    finally:
        if process.poll() is None:  # we are being stopped
            process.terminate()
            process.wait()
    return _problem(job, process.returncode)


def _problem(job: Job, status: int | None) -> str:
    run = job.run()
    if run and run.finished:
        return ''
    lines = []
    if (job.folder / LOG).exists():
        lines = (job.folder / LOG).read_text(encoding='utf-8').strip().splitlines()
    if status:
        return lines[-1] if lines else f'exit status {status}'
    return f'{run.reached if run else "nothing logged"}, without a validation at the end'


def iterations_done(job: Job) -> int:
    """Look how far a run is, cheaply.

    Args:
        job: The run.

    Returns:
        Iterations of all stages, as far as they are logged.
    """
    folders = [job.folder / stage for stage in job.row.stages] or [job.folder]
    steps = [_last_step(folder) for folder in folders]
    return sum(min(step, total) for step, total in zip(steps, job.iterations))


def _last_step(folder: Path) -> int:
    logs = sorted(folder.glob('*/vis_data/scalars.json'))
    for log in reversed(logs):
        with log.open(encoding='utf-8') as stream:
            lines = deque(stream, maxlen=2)  # the last may be being written
        for line in reversed(lines):
            try:
                return int(json.loads(line)['step'])
            except (ValueError, KeyError):
                continue
    return 0


def _left(job: Job) -> int:
    return job.total - iterations_done(job)


def _expectation(seconds: float | None) -> str:
    if seconds is None:
        return 'no estimate yet'
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    length = f'{hours} h {rest} min' if hours else f'{minutes} min' if minutes else 'a minute'
    return f'about {length} left in all'
