"""A generator of your own, judged from a notebook without being registered: one table of weights that all share.

Run it with ``python examples/own_generator.py``. To keep a generator, and to have it on the command line, let
``weightloom new generator NAME`` write a package for it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from generators import BatchLayout, Condition, Generated, Generator, GeneratorConfig, Mode
from generators.heads import to_generated
from search_spaces import Blueprint
from workbench import Experiment, compare

PLACES, NEURONS, CHUNKS = 8, 128, 4


class SharedWeights(Generator):
    """A supernet: one table of weights, of which every architecture takes its slice (Pham et al. 2018, ENAS).

    The table has a row for each (place of the layer, neuron, part of a long row). What lies beyond its end takes the
    last one. A latent changes nothing, so that the verdict has to be that it is collapsed.
    """

    name: ClassVar[str] = "shared"
    kind: ClassVar[Literal["family", "baseline"]] = "family"
    modes: ClassVar[tuple[Mode, ...]] = ("task",)

    def __init__(self, config: GeneratorConfig | None = None) -> None:
        super().__init__(config)
        self.table = nn.Parameter(torch.randn(PLACES, NEURONS, CHUNKS, self.tokenizer.entries))

    def draw_latent(self, blueprints: Sequence[Blueprint], seeds: Sequence[int]) -> Tensor:
        """Nothing is drawn."""
        return torch.zeros(len(seeds), 1)

    def emit(self, layout: BatchLayout, latent: Tensor, condition: Condition) -> Generated:
        """Rows of the table; the last layer has the first place, however deep the network is."""
        last = latent.new_tensor([len(blueprint.architecture.nodes) - 1 for blueprint in layout.blueprints])[:, None]
        place = torch.where(layout.node == last, 0, layout.node.clamp(max=PLACES - 1))
        values = self.table[place, layout.neuron.clamp(max=NEURONS - 1), layout.chunk.clamp(max=CHUNKS - 1)]
        return to_generated(self.tokenizer, layout, values, latent.new_zeros(layout.edge_real.shape), condition)


def main(runs: Path = Path("runs"), steps: int = 400, networks: int = 48, test: int = 6, latents: int = 6) -> Path:
    """Judge it on handwritten digits beside the family mlp; returns the report."""
    zoo = {"networks": networks, "pool": 4 * networks, "test": test, "validation": test, "recipe": {"steps": steps}}
    settings = {
        "training": {"steps": steps, "learning_rate": 1e-2},
        "zoo": zoo | {"real_recipe": {"steps": 3 * steps}},
        "evaluation": {"latents": latents},
        "runs": runs,
        "brief": False,
    }
    mine = Experiment(SharedWeights, **settings).run()
    theirs = Experiment("mlp", baselines=(), **settings).run()
    print(compare(mine, theirs))
    return mine.save(runs / "shared")


if __name__ == "__main__":
    print(main())
