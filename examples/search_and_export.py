"""Search with a generator as the guide, and export what was found: scores without a single training.

Run it with ``python examples/search_and_export.py``. On the command line: ``weightloom search mlp --task digits
--method guided`` and ``weightloom export``.
"""

from pathlib import Path

import numpy as np

from search_spaces import Blueprint
from sweeps.origin import Origin
from workbench import Experiment
from workbench.export import export_network
from workbench.guide import GeneratedScores


def main(
    runs: Path = Path("runs"), steps: int = 600, networks: int = 48, candidates: int = 300, budget: int = 3000
) -> list[Path]:
    """Find a small network for handwritten digits; returns its files."""
    zoo = {"networks": networks, "pool": 4 * networks, "test": 4, "validation": 4}
    zoo |= {"recipe": {"steps": steps}, "real_recipe": {"steps": 2 * steps}}
    training = {"steps": steps, "learning_rate": 3e-3}
    judged = Experiment("mlp", training=training, zoo=zoo, baselines=("noise",), brief=False, runs=runs).run()
    laboratory, generator = judged.laboratory, judged.generator
    print("fidelity on architectures never seen:", judged.summary.generators["mlp"].metrics["fidelity"].mean)

    drawn = laboratory.space.sample_distinct(candidates, np.random.default_rng(0))
    small = [one for one in drawn if Blueprint.of(one).parameter_count <= budget]
    guide = GeneratedScores(generator=generator, task=laboratory.task, latents=1, seconds=0.0)
    scores = guide.scores(small)  # on validation data, with generated weights
    best = small[int(scores.argmax())]
    print(f"best of {len(small)} with at most {budget:,} parameters: {best}, {scores.max():.3f} on validation data")

    network = generator.generate([Blueprint.of(best)], seeds=[0])
    test = laboratory.task.test
    score = float((network.network(0)(test.x).argmax(1) == test.y).float().mean())
    origin = Origin.of(laboratory, None, "task")
    provenance = origin.provenance(generator, path=None, seed=0, density=1.0, scores={"score": score})
    folder = runs / "found"
    written = export_network(
        network, 0, folder, best.key, provenance, test.x[:64], ("safetensors", "onnx"), root=folder
    )
    for record in written:  # each was run on test rows beside PyTorch before it counts as written
        print(f"{folder / record.path}: {score:.3f} on test data, {record.difference:.1e} away from PyTorch")
    return [folder / record.path for record in written]


if __name__ == "__main__":
    main()
