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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mmseg_joint.errors import JointError
from mmseg_joint.utils.cores import available_cores

from .jobs import Job

POLL = 0.5  # seconds between two looks at a log
LOG = 'train.log'
PR_SET_PDEATHSIG = 1  # of Linux's prctl.h
LIBC = ctypes.CDLL(None) if sys.platform == 'linux' else None


Start = Callable[[Job], 'subprocess.Popen[bytes]']


Pace = dict[str, float]
"""Config -> seconds of an iteration, as measured last."""


def remaining(pace: Pace, left: Sequence[tuple[str, int]]) -> float | None:
    """Estimate the seconds that runs (config, iterations left) take; None if none was timed.

    A config that has not been timed counts as the mean of those that have.
    """
    if not pace:
        return None
    mean = sum(pace.values()) / len(pace)
    return sum(pace.get(config, mean) * iterations for config, iterations in left)


def start_process(tool: Path, at_once: int = 1) -> Start:
    """Return a function that starts a run: tools/train.py in its own process, one of `at_once`.

    Its output is appended to `train.log` in the run's work dir. On Linux the run ends with this
    process, however this one ends.
    """
    threads = max(1, available_cores() // at_once)
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


@dataclass
class _Running:
    job: Job
    place: str
    process: subprocess.Popen[bytes]
    done: int  # iterations logged at the last look


class _Bar:
    """One progress bar for all runs, with an estimate that knows that methods differ in speed."""

    def __init__(self, waiting: Sequence[Job], pace: Pace, at_once: int) -> None:
        self.pace, self.at_once = pace, at_once
        self.trained = False  # whether any run has logged an iteration
        self.bar = tqdm(
            total=sum(map(_left, waiting)),
            unit='it',
            disable=not waiting,
            bar_format='{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}, {rate_fmt}{postfix}]',
        )

    def estimate(self, left: Sequence[Job]) -> str:
        seconds = remaining(self.pace, [(job.row.stem, _left(job)) for job in left])
        return in_words(seconds and seconds / min(self.at_once, max(1, len(left))))

    def follow(self, run: _Running, left: Sequence[Job]) -> None:
        done, seconds = progress(run.job)
        if done > run.done:
            self.trained = True
            if seconds:
                self.pace[run.job.row.stem] = seconds
            self.bar.set_postfix_str(self.estimate(left), refresh=False)
            self.bar.update(done - run.done)
            run.done = done


def train_missing(
    jobs: Sequence[Job],
    start: Start,
    at_once: int = 1,
    after: Callable[[], object] = lambda: None,
) -> list[Job]:
    """Train unfinished runs, several at a time; return the runs that failed.

    A failing run is reported, and the others continue. Stopping this stops the runs too. `after` is
    called whenever a run has ended.

    Raises:
        JointError: When a run finished earlier, with another schedule; or when two fail for the
            same reason before any has trained a step, and the others would too.
    """
    runs = [(job, job.run()) for job in jobs]
    waiting = deque(job for job, run in runs if not (run and run.finished))
    number = len(jobs) - len(waiting)
    print(f'{number} of {len(jobs)} runs are finished.', flush=True)
    pace = {job.row.stem: run.seconds for job, run in runs if run and run.seconds}
    bar = _Bar(waiting, pace, at_once)
    running, failed, reason = list[_Running](), list[Job](), ''
    # so that the runs are stopped too, and continue next time
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                number += 1
                place = f'[{number}/{len(jobs)}]'
                left = [*waiting, *(run.job for run in running)]
                tqdm.write(f'{place} {waiting[0].name}; {bar.estimate(left)}')
                job = waiting.popleft()
                running.append(_Running(job, place, start(job), progress(job)[0]))
            time.sleep(POLL)
            for now in list(running):
                ended = now.process.poll() is not None  # before its last lines are read
                bar.follow(now, [*waiting, *(run.job for run in running)])
                if not ended:
                    continue
                running.remove(now)
                problem = _problem(now.job, now.process.returncode)
                if problem:
                    tqdm.write(f'{now.place} failed: {problem}')
                    failed.append(now.job)
                after()
                if problem and problem == reason and not bar.trained and (waiting or running):
                    raise JointError(
                        'Two runs failed for the same reason before the first step, so the others '
                        f'were not started: {reason.removeprefix("error: ").rstrip(".")}. Correct '
                        'this, and give the same command again.'
                    )
                reason = problem
    finally:
        bar.bar.close()
        for now in running:  # not empty only when we are being stopped
            now.process.terminate()
        for now in running:
            now.process.wait()
    return failed


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
    reached = run.reached if run else 'nothing logged'
    if status and status < 0:  # the end of its log says nothing of that
        return f'{reached}, ended by {signal.Signals(-status).name}'
    if status:
        log = job.folder / LOG
        text = log.read_text(encoding='utf-8', errors='replace') if log.exists() else ''
        lines = text.strip().splitlines()
        return lines[-1] if lines else f'exit status {status}'
    return f'{reached}, without a validation at the end'


def progress(job: Job) -> tuple[int, float | None]:
    """Read, cheaply, how many iterations all stages have logged, and the seconds of the last."""
    folders = [job.folder / stage for stage in job.row.stages] or [job.folder]
    lines = [_last_line(folder) for folder in folders]
    steps = [int(line.get('step', 0)) for line in lines]
    newest: dict[str, Any] = next((line for line in reversed(lines) if line), {})
    # a validation logs the times of its own steps
    seconds = newest.get('time') if 'loss' in newest else None
    return sum(min(step, total) for step, total in zip(steps, job.iterations)), seconds


def _last_line(folder: Path) -> dict[str, Any]:
    logs = sorted(folder.glob('*/vis_data/scalars.json'))
    for log in reversed(logs):
        with log.open(encoding='utf-8') as stream:
            texts = deque(stream, maxlen=2)  # the last line may still be being written
        for text in reversed(texts):
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict) and 'step' in line:
                return line
    return {}


def _left(job: Job) -> int:
    return sum(job.iterations) - progress(job)[0]


def in_words(seconds: float | None) -> str:
    """Say how long the rest takes, given its seconds, if known."""
    if seconds is None:
        return 'no estimate yet'
    minutes = round(seconds / 60)
    if not minutes:
        return 'less than a minute left in all'
    hours, rest = divmod(minutes, 60)
    return f'about {f"{hours} h " if hours else ""}{rest} min left in all'
