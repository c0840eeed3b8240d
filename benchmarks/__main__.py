"""Run every benchmark: ``python -m benchmarks``."""

from benchmarks import (
    compaction,
    determinism,
    ensembles,
    few_steps,
    finetune,
    guided,
    held_out,
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
from benchmarks.speed import channels_last, command, compiling, evaluation, growth, resnet, step, streaming, zoo_memory
from benchmarks.speed import zoo as zoo_kinds

if __name__ == "__main__":
    spaces.main([])
    zoo.main([])
    search.main([])
    ranking.main([])
    guided.main([])
    held_out.main([])
    held_out.main(["--family", "diffusion"])
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
    for speed in (step, zoo_kinds, zoo_memory, evaluation, command, resnet, streaming, growth, compiling, channels_last):
        speed.main([])
