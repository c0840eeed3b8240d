"""A search space of your own: bottleneck MLPs, down to a few neurons and up again."""

from functools import cached_property
from typing import ClassVar

from search_spaces import Architecture, Choice, Genome, SearchSpace, Switch, Tree
from search_spaces.assembly import DATA_NAME, Assembly
from search_spaces.choices import Product


class OwnThingSpace(SearchSpace):
    """Hourglasses: wide, narrow and wide dense layers; the narrow one may be passed by a skip."""

    name: ClassVar[str] = "own_thing"

    @cached_property
    def tree(self) -> Tree:
        """What there is to choose; a switch decides what else."""
        narrow = Product((Choice("neck", tuple(range(2, 26, 2))), Choice("skip", (False, True))))
        width = Choice("width", tuple(range(16, 80, 2)))
        return Product((width, Switch("narrow", ((False, Product(())), (True, narrow)))))

    def compose(self, genome: Genome) -> Architecture:
        """What a genome means."""
        graph = Assembly((self.inputs,))  # read flat; with self.shape it would be a sequence or an image
        value = wide = graph.add("down", "dense", DATA_NAME, activation="relu", norm="none", width=genome["width"])
        if genome["narrow"]:
            value = graph.add("neck", "dense", wide, activation="relu", norm="layer", width=genome["neck"])
            value = graph.add("up", "dense", value, activation="relu", norm="none", width=genome["width"])
        graph.add("output", "dense", value, activation="none", norm="none", width=self.outputs)
        if genome.get("skip"):
            graph.skip(wide, "output")  # a generator may close it
        return graph.finish(self.name, genome)
