"""Run every benchmark: ``python -m benchmarks``."""

from benchmarks import (
    compaction,
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
    topology.main([])
