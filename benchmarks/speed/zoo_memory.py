"""What a zoo of many networks needs in memory, beside the size of its file: ``python -m benchmarks.speed.zoo_memory``.

Each use of a zoo in a process of its own: training it (few steps each, since it is memory that is measured), opening
it, baselines for one architecture, the yardstick, a few steps of a diffusion that denoises it, the row of a baseline
with all figures; and as a control all networks laid out at once. Before it is measured, the process does the same with
a zoo of eight networks, so that what is imported and first made does not count.

Anonymous memory (``RssAnon``) is what the system cannot take back but by swapping. Pages of a mapped file count as
resident while they are looked at, and are given up when memory is short, so they stand apart.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.speed.measuring import MIB, one_thread, peak_memory, peak_reset, record
from generators.baselines.base import FittedBaseline
from generators.collection import Collection
from generators.diffusion import DiffusionConfig, DiffusionGenerator
from generators.registry import make_generator
from search_spaces import MLPSpace
from workbench.evaluation import EvaluationConfig, evaluate
from workbench.tasks import Task, load_task
from workbench.training import TrainingConfig, plan, train_generator
from workbench.yardstick import Yardstick
from workbench.zoo import Recipe, Zoo, ZooConfig, open_zoo

FEW = 8
EVERY = 0.01
"""Seconds between two looks at a process."""
BASELINES = ("retrieve", "noise", "average", "gaussian", "pca")


def opened(networks: int, folder: Path) -> tuple[Task, Zoo]:
    """The zoo of so many networks, which is trained if it is not there."""
    task = load_task("digits")
    brief = Recipe(steps=10, batch_size=16, check_every=10)
    config = ZooConfig(pool=networks, networks=networks, validation=2, test=2, seeds=2, recipe=brief, real_recipe=brief)
    return task, open_zoo(task, MLPSpace(inputs=task.inputs, outputs=task.classes), config, folder)


def baselines(networks: int, folder: Path) -> None:
    """Each fitted, and four networks of one held-out architecture from it."""
    _, zoo = opened(networks, folder)
    for name in BASELINES:
        baseline = make_generator(name, {"token_width": zoo.config.token_width})
        assert isinstance(baseline, FittedBaseline)
        baseline.fit(zoo.training)
        baseline.generate(zoo.test.blueprints[:1] * 4, range(4))


def yardstick(networks: int, folder: Path) -> None:
    """Predictions of all training networks on the test data."""
    task, zoo = opened(networks, folder)
    Yardstick.of(zoo, zoo.test, task.test)


def diffusion(networks: int, folder: Path) -> None:
    """Ten steps of 32 networks each."""
    task, zoo = opened(networks, folder)
    generator = DiffusionGenerator(DiffusionConfig(d=32, layers=1))
    config = TrainingConfig(mode="zoo", steps=10, architectures=8, latents=4)
    train_generator(generator, plan(generator, config, task, zoo.pool, zoo.training), config)


def row(networks: int, folder: Path) -> None:
    """All figures of a baseline on two test architectures."""
    task, zoo = opened(networks, folder)
    test, validity = (Yardstick.of(zoo, zoo.test, split) for split in (task.test, task.validation))
    baseline = make_generator("noise", {"token_width": zoo.config.token_width})
    assert isinstance(baseline, FittedBaseline)
    baseline.fit(zoo.training)
    evaluate(baseline, zoo, test, validity, EvaluationConfig(latents=2, curve=()))


def control(networks: int, folder: Path) -> None:
    """All networks laid out at once, as every use did before."""
    _, zoo = opened(networks, folder)
    whole = Collection.of(zoo.training.in_memory(), zoo.training.scores)
    assert len(whole) == networks


USES: dict[str, Callable[[int, Path], object]] = {
    "training it": opened,
    "opening it": opened,
    "five baselines, one architecture": baselines,
    "yardstick": yardstick,
    "diffusion, 10 steps": diffusion,
    "a baseline's row, all figures": row,
    "control: all laid out at once": control,
}


def anonymous(process: str | int = "self") -> float:
    """MiB of a process that belong to no file; 0 once it has ended."""
    try:
        found = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0.0
    return 0.0 if found is None else int(found[1]) / 1024


def alone(use: str, networks: int, folder: Path) -> None:
    """In a process of its own: the same with few networks, then what is measured, then the figures as JSON."""
    with tempfile.TemporaryDirectory() as other:
        if use != "training it":
            opened(FEW, Path(other))
        USES[use](FEW, Path(other))
    peak_reset()
    before, began = anonymous(), time.process_time()
    print(json.dumps({"before": before, "resident_before": peak_memory()}), flush=True)
    USES[use](networks, folder)
    print(json.dumps({"resident": peak_memory(), "seconds": time.process_time() - began}), flush=True)


def measured(use: str, networks: int, folder: Path) -> dict[str, Any]:
    """MiB that one use adds to a process, at most."""
    own = [sys.executable, "-m", "benchmarks.speed.zoo_memory", "--alone", use, "--networks", str(networks)]
    with subprocess.Popen([*own, "--folder", str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found, most = json.loads(process.stdout.readline()), 0.0
        while process.poll() is None:
            most = max(most, anonymous(process.pid))
            time.sleep(EVERY)
        found |= json.loads(process.stdout.read())
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, own)
    return {
        "anonymous_mib": most - found["before"],
        "resident_mib": found["resident"] - found["resident_before"],
        "seconds": found["seconds"],
    }


def main(arguments: list[str] | None = None) -> None:
    """Print the figures and write ``benchmarks/results/speed-zoo_memory.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--folder", type=Path, default=None, help="where there is room; by default a temporary one")
    parser.add_argument("--alone", choices=list(USES), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    one_thread()
    if options.alone:
        alone(options.alone, options.networks[0], options.folder)
        return
    zoos = []
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        for networks in options.networks:
            folder = Path(name) / str(networks)
            uses = {}
            for use in USES:
                uses[use] = measured(use, networks, folder)
                print(networks, use, {key: round(value, 1) for key, value in uses[use].items()}, flush=True)
            size = next(folder.glob("*/networks.safetensors")).stat().st_size
            zoos.append({"networks": networks, "file_mib": size / MIB, "uses": uses})
    record("zoo_memory", {"zoos": zoos, "few": FEW})


if __name__ == "__main__":
    main()
