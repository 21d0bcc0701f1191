from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mmseg_joint.errors import JointError

from .jobs import Job

POLL = 0.5  # seconds between two looks at a log
LOG = 'train.log'
PR_SET_PDEATHSIG = 1  # of Linux's prctl.h
LIBC = ctypes.CDLL(None) if sys.platform == 'linux' else None


Start = Callable[[Job], 'subprocess.Popen[bytes]']


class Pace:
    """What an iteration has cost so far, and what the rest will.

    A config that has not been timed is taken for the mean of those that have.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def note(self, config: str, seconds: float | None) -> None:
        """Keep the newest measurement of a config's iteration, if there is one."""
        if seconds:
            self._seconds[config] = seconds

    def remaining(self, left: Sequence[tuple[str, int]]) -> float | None:
        """Expect the seconds that runs (config, iterations left) take; None if none was timed."""
        if not self._seconds:
            return None
        mean = sum(self._seconds.values()) / len(self._seconds)
        return sum(self._seconds.get(config, mean) * iterations for config, iterations in left)


def start_process(tool: Path, at_once: int = 1) -> Start:
    """Make what starts a run: tools/train.py in a process of its own, one of `at_once`.

    What it prints is added to `train.log` in the run's work dir. On Linux it ends with this
    process, however this one ends.
    """
    threads = max(1, (os.cpu_count() or 1) // at_once)
    shared = {} if at_once == 1 else {'OMP_NUM_THREADS': str(threads)}

    def start(job: Job) -> subprocess.Popen[bytes]:
        job.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(tool), *job.arguments]
        with (job.folder / LOG).open('a', encoding='utf-8') as stream:
            return subprocess.Popen(
                command,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, **shared},
                preexec_fn=_end_with_parent if LIBC else None,
            )

    return start


def _end_with_parent() -> None:
    if LIBC:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class _Running:
    """A run in progress, and how fast it is."""

    def __init__(self, job: Job, place: str, process: subprocess.Popen[bytes]) -> None:
        self.job, self.place, self.process = job, place, process
        self.done, _ = progress(job)

    def look(self, pace: Pace) -> int:
        """Read its log; return how many iterations are new."""
        done, seconds = progress(self.job)
        new, self.done = max(done - self.done, 0), max(done, self.done)
        if new:
            pace.note(self.job.row.stem, seconds)
        return new


def train_missing(
    jobs: Sequence[Job],
    start: Start,
    at_once: int = 1,
    after: Callable[[], object] = lambda: None,
) -> list[Job]:
    """Train what is not finished, some runs at a time; returns the runs that failed.

    A run that fails is told of, and the others go on. When this is stopped, the runs are too.
    Whenever one has ended, `after` is called.

    Raises:
        JointError: When a run finished earlier, with another schedule; or when two fail for the
            same reason before any has trained a step, and the others would too.
    """
    pace, waiting, failed = Pace(), deque[Job](), []
    reason, trained = '', False
    for job in jobs:
        run = job.run()
        pace.note(job.row.stem, run.seconds if run else None)
        if not (run and run.finished):
            waiting.append(job)
    print(f'{len(jobs) - len(waiting)} of {len(jobs)} runs are finished.', flush=True)
    running: list[_Running] = []
    number = len(jobs) - len(waiting)
    bar = tqdm(total=sum(_left(job) for job in waiting), unit='it', disable=not waiting)
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                number += 1
                job, place = waiting[0], f'[{number}/{len(jobs)}]'
                left = _expectation(pace, [*waiting, *(r.job for r in running)], at_once)
                tqdm.write(f'{place} {job.name}; {left}')
                running.append(_Running(job, place, start(waiting.popleft())))
            time.sleep(POLL)
            for run_now in list(running):
                ended = run_now.process.poll() is not None
                new = run_now.look(pace)
                if new:
                    trained = True
                    jobs_left = [*waiting, *(r.job for r in running)]
                    bar.set_postfix_str(_expectation(pace, jobs_left, at_once), refresh=False)
                    bar.update(new)
                if not ended:
                    continue
                running.remove(run_now)
                problem = _problem(run_now.job, run_now.process.returncode)
                if problem:
                    tqdm.write(f'{run_now.place} failed: {problem}')
                    failed.append(run_now.job)
                after()
                if problem and problem == reason and not trained and (waiting or running):
                    raise _hopeless(reason)
                reason = problem
    finally:
        bar.close()
        for run_now in running:  # we are being stopped
            run_now.process.terminate()
        for run_now in running:
            run_now.process.wait()
    return failed


def _hopeless(reason: str) -> JointError:
    text = reason.removeprefix('error: ').rstrip('.')
    return JointError(
        'Two runs failed for the same reason before the first step, so the others were not '
        f'started: {text}. Correct this, and give the same command again.'
    )


def check_finished(failed: Sequence[Job]) -> None:
    """Raise a JointError that names the logs of runs that failed, if any did."""
    if failed:
        logs = ', '.join(str(job.folder / LOG) for job in failed)
        plural = 's' if len(failed) > 1 else ''
        raise JointError(
            f'{len(failed)} run{plural} failed: look at {logs}, and give the same command again.'
        )


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


def progress(job: Job) -> tuple[int, float | None]:
    """Look, cheaply, how many iterations of all stages are logged, and the seconds of the last."""
    folders = [job.folder / stage for stage in job.row.stages] or [job.folder]
    lines = [_last_line(folder) for folder in folders]
    steps = [int(line.get('step', 0)) for line in lines]
    newest: dict[str, Any] = next((line for line in reversed(lines) if line), {})
    seconds = newest.get('time') if 'loss' in newest else None  # not of a validation's steps
    return sum(min(step, total) for step, total in zip(steps, job.iterations)), seconds


def iterations_done(job: Job) -> int:
    """Look how far a run is; see :func:`progress`."""
    return progress(job)[0]


def _last_line(folder: Path) -> dict[str, Any]:
    logs = sorted(folder.glob('*/vis_data/scalars.json'))
    for log in reversed(logs):
        with log.open(encoding='utf-8') as stream:
            texts = deque(stream, maxlen=2)  # the last may be being written
        for text in reversed(texts):
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict) and 'step' in line:
                return line
    return {}


def _left(job: Job) -> int:
    return job.total - iterations_done(job)


def _expectation(pace: Pace, jobs: Sequence[Job], at_once: int) -> str:
    seconds = pace.remaining([(job.row.stem, _left(job)) for job in jobs])
    return in_words(None if seconds is None else seconds / min(at_once, max(1, len(jobs))))


def in_words(seconds: float | None) -> str:
    """Say how long the rest takes, in seconds if it is known."""
    if seconds is None:
        return 'no estimate yet'
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    length = f'{hours} h {rest} min' if hours else f'{minutes} min' if minutes else 'a minute'
    return f'about {length} left in all'
