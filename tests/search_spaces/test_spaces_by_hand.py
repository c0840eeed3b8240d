"""Single architectures of `conv1d`, `conv2d`, `transformer` and deepened `mlp`, written out."""

from typing import Any

import numpy as np
import pytest

from search_spaces import Architecture, Blueprint, MLPSpace, SearchSpace, UnknownName, WeightloomError
from search_spaces.conv import Conv1dSpace, Conv2dSpace
from search_spaces.operations import parameters, shapes
from search_spaces.transformer import TransformerSpace

STAGE = {"depth": 1, "width": 8, "kernel": 5, "stride": 1, "pool": "none", "squeeze": False, "residual": False}
CONV = Conv1dSpace(inputs=40, outputs=10, shape=(1, 40))


def stage(i: int, **changes: Any) -> dict[str, Any]:
    return {f"{name}_{i}": value for name, value in {**STAGE, **changes}.items()}


def conv(*stages: dict[str, Any], space: SearchSpace = CONV) -> Architecture:
    genome: dict[str, Any] = {"activation": "relu", "norm": "none", "head": "avg", "stages": len(stages)}
    for part in stages:
        genome |= part
    return space.from_genome(genome)


def choices(architecture: Architecture, name: str) -> dict[str, Any]:
    return dict(next(node for node in architecture.nodes if node.name == name).choices)


def operations(architecture: Architecture) -> list[str]:
    return [node.operation for node in architecture.nodes]


def test_plain_stage() -> None:
    made = conv(stage(1, block="plain", groups=4, stride=2))
    assert operations(made) == ["sequence", "conv", "conv", "global_pool", "dense"]
    assert shapes(made)["stage1_block1_conv"] == (8, 20)
    block = {"activation": "relu", "channels": 8, "groups": 4, "kernel": 5, "norm": "none", "stride": 2}
    assert choices(made, "stage1_block1_conv") == block
    assert parameters(made) == 8 * (3 + 1) + 8 * (2 * 5 + 1) + 10 * 9


def test_only_the_first_block_of_a_stage_reduces() -> None:
    made = conv(
        stage(1, block="plain", groups=1, depth=2, stride=2), stage(2, block="plain", groups=1, stride=2, pool="max")
    )
    known = shapes(made)
    assert [known[f"stage1_block{j}_conv"][1] for j in (1, 2)] == [20, 20]
    assert known["stage2_pool"] == (8, 10)
    assert known["stage2_block1_conv"] == (8, 5)


def test_bottleneck_and_inverted_and_separable() -> None:
    three = conv(
        stage(1, block="bottleneck", groups=2, residual=True),
        stage(2, block="inverted", width=16),
        stage(3, block="separable", width=12, squeeze=True),
    )
    known = shapes(three)
    assert known["stage1_block1_reduce"] == (4, 40)
    assert choices(three, "stage1_block1_conv")["groups"] == 2
    assert choices(three, "stage1_block1_expand")["activation"] == "none"
    sums = [(e.source, e.optional) for e in three.edges if e.target == "stage1_block1_sum"]
    assert sums == [("stem", False), ("stage1_block1_expand", True)]
    assert known["stage2_block1_expand"] == (16, 40)
    assert choices(three, "stage2_block1_conv")["groups"] == 16
    assert known["stage2_block1_reduce"] == (16, 40)
    assert choices(three, "stage3_block1_conv")["groups"] == 16
    assert known["stage3_block1_squeeze"] == (12, 40)
    assert len(three.optional_edges) == 1


def test_small_data_cut_kernels_and_leave_pools_out() -> None:
    space = Conv2dSpace(inputs=6, outputs=2, shape=(1, 2, 3))
    some = [stage(i, block="plain", groups=1, pool="avg", stride=2) for i in (1, 2, 3)]
    made = conv(*some, space=space)
    known = shapes(made)
    assert known["stage1_pool"] == (8, 1, 2)
    assert "stage2_pool" not in known
    assert choices(made, "stage1_block1_conv")["kernel"] == 1
    rng = np.random.default_rng(0)
    for shape in ((1, 1, 1), (1, 2, 1), (3, 1, 50)):
        tiny = Conv2dSpace(inputs=int(np.prod(shape)), outputs=2, shape=shape)
        for _ in range(50):
            tiny.validate(tiny.sample(rng))


def test_default_networks_on_sequences_are_small() -> None:
    rng = np.random.default_rng(0)
    for space in (CONV, TransformerSpace(inputs=40, outputs=10, shape=(1, 40))):
        counts = [parameters(space.sample(rng)) for _ in range(300)]
        assert 1_000 < np.median(counts) < 15_000
        assert max(counts) < 60_000


TRANSFORMER = TransformerSpace(inputs=128, outputs=10, shape=(2, 8, 8))
PRE = {
    "patch": 4, "width": 16, "position": True, "attention": "full", "norm": "layer", "place": "pre",
    "activation": "gelu", "gated": False, "head": "avg", "depth": 1, "heads_1": 4, "ratio_1": 2,
}  # fmt: skip


def test_pre_norm_transformer() -> None:
    made = TRANSFORMER.from_genome(PRE)
    assert [node.name for node in made.nodes[1:]] == [
        "patches", "position", "layer1_attention_norm", "layer1_attention", "layer1_attention_sum", "layer1_mlp_norm",
        "layer1_mlp_wide", "layer1_mlp", "layer1_mlp_sum", "last_norm", "head", "output",
    ]  # fmt: skip
    assert shapes(made)["patches"] == (16, 2, 2)
    assert choices(made, "patches")["stride"] == 4
    layer = 4 * 16 * 17 + 32 * 17 + 16 * 33 + 2 * 32
    assert parameters(made) == 16 * (2 * 16 + 1) + 4 * 16 + layer + 32 + 10 * 17
    assert [e.source for e in made.optional_edges] == ["layer1_attention", "layer1_mlp"]
    rows = {spec.name: spec.shape for spec in Blueprint.of(made).parameters if spec.node == "layer1_attention"}
    for part in ("query", "key", "value", "out"):
        assert rows[f"layer1_attention.{part}.weight"] == (16, 16)


def test_post_norm_and_gated_transformer() -> None:
    made = TRANSFORMER.from_genome({**PRE, "place": "post", "gated": True, "position": False})
    assert [node.name for node in made.nodes[1:]] == [
        "patches", "layer1_attention", "layer1_attention_sum", "layer1_attention_norm", "layer1_mlp_wide",
        "layer1_mlp_gate", "layer1_mlp_product", "layer1_mlp", "layer1_mlp_sum", "layer1_mlp_norm", "head", "output",
    ]  # fmt: skip
    assert choices(made, "layer1_mlp_gate")["activation"] == "none"
    assert choices(made, "layer1_mlp_wide")["activation"] == "gelu"


def mlp(**genome: Any) -> Architecture:
    space = MLPSpace(inputs=6, outputs=3, depths=(3,), widths=(4, 8), units=("dense", "gated"),
                     wirings=("skips", "residual", "dense"))  # fmt: skip
    layers = {
        f"{name}_{i}": v for i in (1, 2, 3) for name, v in (("width", 4), ("activation", "relu"), ("unit", "dense"))
    }
    return space.from_genome({"norm": "none", "depth": 3, **layers, **genome})


def test_wirings_of_mlps() -> None:
    residual = mlp(wiring="residual")
    skips = {(e.source, e.target) for e in residual.edges if e.kind == "skip"}
    assert skips == {("hidden_1", "hidden_3"), ("hidden_1", "output"), ("hidden_2", "output")}
    assert residual.optional_edges == tuple(e for e in residual.edges if e.kind == "skip")
    assert len(Blueprint.of(residual).maskable) == 3
    dense = mlp(wiring="dense", unit_2="gated", width_2=8)
    assert shapes(dense)["read_3"] == (12,)
    assert shapes(dense)["read_4"] == (16,)
    assert [(e.source, e.optional) for e in dense.edges if e.target == "read_4"] == [
        ("hidden_3", False),
        ("hidden_2", True),
        ("hidden_1", True),
    ]
    assert operations(dense).count("gated_dense") == 1
    assert Blueprint.of(dense).maskable == (("hidden_1", 4), ("hidden_2", 8), ("hidden_3", 4))
    skipped = mlp(wiring="skips", skip_1=False, skip_2=True)
    assert [(e.source, e.target) for e in skipped.edges if e.kind == "skip"] == [("hidden_2", "output")]


def test_default_mlp_has_the_genes_it_always_had() -> None:
    genome = dict(MLPSpace().sample(np.random.default_rng(3)).genome)
    assert {name.rpartition("_")[0] or name for name in genome} <= {"norm", "depth", "width", "activation", "skip"}
    assert MLPSpace().size == 689_304


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: Conv1dSpace(inputs=64, shape=(1, 8, 8)),
            WeightloomError,
            "conv1d: expected sequences .* mnist1d, got",
        ),
        (lambda: Conv2dSpace(inputs=64), WeightloomError, "conv2d: expected images .* digits, got .*64,"),
        (lambda: Conv1dSpace(inputs=4, shape=(1, 4), kernels=(0,)), WeightloomError, "kernels must be integers"),
        (lambda: Conv1dSpace(inputs=4, shape=(1, 4), blocks=("plane",)), UnknownName, "Did you mean 'plain'"),
        (lambda: Conv1dSpace(inputs=4, shape=(1, 4), norms=("batch",)), UnknownName, "unknown norm 'batch'"),
        (lambda: TransformerSpace(inputs=4, shape=(1, 4), heads=(3,)), WeightloomError, "3 heads for width 16"),
        (lambda: TransformerSpace(inputs=3, shape=(1, 3)), WeightloomError, "patches must be at most 3"),
        (lambda: TransformerSpace(inputs=4, shape=(1, 4), attentions=("fully",)), UnknownName, "attention"),
        (lambda: MLPSpace(units=("gate",)), UnknownName, "Did you mean 'gated'"),
        (lambda: MLPSpace(wirings=()), WeightloomError, "at least one wiring"),
    ],
)
def test_settings_that_are_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
