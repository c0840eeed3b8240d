"""What networks cost, before and after compaction, in record, words and page."""

import time
from dataclasses import replace

import torch

from generators.generated import Generated
from generators.initialisation import initial_tokens
from generators.tokens import WeightTokenizer
from search_spaces import Blueprint, MLPSpace
from weightloom.terminal import export_words
from workbench.evaluation.sparsity import magnitude_pruned
from workbench.export import compact
from workbench.export.costs import cost_pair, milliseconds, weights_bytes
from workbench.summary import ExportRecord


def test_milliseconds_are_told_apart() -> None:
    short, long = milliseconds([lambda: time.sleep(1e-4), lambda: time.sleep(3e-3)], rounds=3)
    assert short.shape == (3,)
    assert 0.1 <= short.min() <= short.max() < 3 <= long.min()


def test_a_tenth_of_the_neurons_costs_less() -> None:
    space = MLPSpace(inputs=16, outputs=4, depths=(2,), widths=(512,), activations=("relu",))
    architecture = space.from_genome(
        {"norm": "none", "depth": 2, "width_1": 512, "activation_1": "relu", "width_2": 512,
         "activation_2": "relu", "skip_1": False}
    )  # fmt: skip
    blueprints, tokenizer = [Blueprint.of(architecture)], WeightTokenizer()
    layout = tokenizer.batch(blueprints)
    dense = Generated.dense(tokenizer, layout, initial_tokens(tokenizer, blueprints, [0]))
    pruned = magnitude_pruned(replace(dense), 0.1)
    network, smaller = pruned.network(0), compact(pruned, 0)
    before, after = cost_pair(network, smaller, torch.randn(3, 16))
    assert (before.parameters, after.parameters) == (16 * 512 + 513 * 512 + 512 + 513 * 4, 17 * 51 + 52 * 51 + 52 * 4)
    assert before.bytes == weights_bytes(network) > 4 * before.parameters > 10 * after.bytes
    assert before.flops == 2 * (16 * 512 + 512 * 512 + 512 * 4)
    assert before.ms_64 is not None
    assert after.ms_64 is not None
    assert before.ms_64 > after.ms_64


def test_words() -> None:
    record = ExportRecord(path="a", format="onnx", sha256="0", generator="mlp", architecture="mlp 4", score=0.5)
    assert export_words(record) == "test score 0.500"
    costs = {"parameters": 1000, "flops": 2000, "bytes": 4000, "ms_1": 0.5, "ms_64": 2.0}
    record = ExportRecord.model_validate(
        {**record.model_dump(), "before": costs, "after": {**costs, "parameters": 100, "ms_64": None}}
    )
    assert export_words(record) == (
        "test score 0.500, 1,000 -> 100 parameters, 2,000 -> 2,000 FLOPs, 0.500 -> 0.500 ms, "
        "2.000 -> \N{EN DASH} ms for 64 examples"
    )
