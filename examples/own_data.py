"""Data of your own, from arrays: how well are weights generated for wines?

Run it with ``python examples/own_data.py``: about a minute, and a report at the end.
"""

from pathlib import Path

from sklearn.datasets import load_wine

from workbench import Experiment, compare
from workbench.tasks import from_arrays


def main(runs: Path = Path("runs"), steps: int = 400, networks: int = 48, test: int = 6, latents: int = 6) -> Path:
    """Judge a hypernetwork on arrays; returns the report."""
    wine = load_wine()
    task = from_arrays("wine", wine.data, wine.target_names[wine.target])  # classes may be numbers or words

    zoo = {"networks": networks, "pool": 4 * networks, "test": test, "validation": test}
    zoo |= {"recipe": {"steps": steps}, "real_recipe": {"steps": 4 * steps}}
    judged = Experiment(
        "mlp",
        task=task,
        training={"steps": steps, "learning_rate": 3e-3},
        evaluation={"latents": latents},
        zoo=zoo,
        runs=runs,
        name="wine",
    ).run()
    print(compare(judged))
    return judged.save(runs / "wine")


if __name__ == "__main__":
    print(main())
