"""Run every benchmark: ``python -m benchmarks``."""

from benchmarks import (
    compaction,
    determinism,
    diffusion,
    ensembles,
    few_steps,
    finetune,
    guided,
    memorisation,
    ranking,
    reliability,
    search,
    spaces,
    sparsity,
    stability,
    topology,
    zoo,
)
from benchmarks.hostile import __main__ as hostile

if __name__ == "__main__":
    spaces.main([])
    zoo.main([])
    search.main([])
    ranking.main([])
    guided.main([])
    diffusion.main([])
    few_steps.main([])
    memorisation.main([])
    stability.main([])
    sparsity.main([])
    ensembles.main([])
    finetune.main([])
    compaction.main([])
    reliability.main([])
    hostile.main([])
    determinism.main([])
    topology.main([])
