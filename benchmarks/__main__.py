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
    task_masks,
    topology,
    yardstick,
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
    yardstick.main([])
    yardstick.main(["--only", "optimizer"])
    held_out.main(["--seeds", "35", "36", "37", "38", "--test", "40"])
    held_out.main(["--family", "diffusion"])
    mnist1d = ["--preset", "mnist1d"]
    yardstick.main([*mnist1d, "--only", "optimizer", "--architectures", "14"])
    yardstick.main([*mnist1d, "--only", "steps", "--architectures", "14"])
    expert = "families.experts"
    large = [f"{expert}.settings.hidden=512", f"{expert}.training.steps=3500", f"{expert}.training.learning_rate=0.006"]
    large += [f"{expert}.training.{key}" for key in ("architectures=128", "batch_size=512", "input_noise=0.3")]
    held_out.main([*mnist1d, "--task", "mnist1d", "--seeds", "41", "--finish", "--set", *large])
    few_steps.main([])
    memorisation.main([])
    stability.main([])
    experts = ["--preset", "long", "--families", "experts", "--seeds", "35"]
    stability.main([*experts, "--set", "zoo.test=40"])
    sparsity.main([])
    training = "families.mlp.training"
    few = [f"{training}.steps=2000", f"{training}.optimizer=muon", f"{training}.least_weights=0.08"]
    wide = ["--families", "mlp", "--seeds", "0", "--widths", "96", "128", "--weights-share", "0.7"]
    sparsity.main([*wide, "--set", *few])
    sparsity.main([*experts, "--set", "zoo.test=40"])
    sparsity.main([*experts, "--widths", "96", "128", "--set", "families.experts.training.sparse_share=0.25"])
    task_masks.main([])
    ensembles.main([])
    ensembles.main([*experts, "36", "--set", "zoo.test=40", "--finish"])
    finetune.main([])
    compaction.main([])
    reliability.main([])
    hostile.main([])
    determinism.main([])
    topology.main([])
    for part in (step, zoo_kinds, zoo_memory, evaluation, command, resnet, streaming, growth, compiling, channels_last):
        part.main([])
