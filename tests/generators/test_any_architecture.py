"""Every generator emits, saves and takes part for architectures of convolutions, attention and recurrence."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from generators.collection import Collection
from generators.generated import Generated
from generators.generator import Condition, Fitted
from generators.initialisation import initial_tokens
from generators.registry import GENERATORS, make_generator
from generators.saving import from_pretrained, save_pretrained
from search_spaces import Architecture, Blueprint

SMALL: Mapping[str, Mapping[str, Any]] = {
    "mlp": {"d": 16, "hidden": 24, "layers": 2, "latent": 6},
    "transformer": {"d": 16, "layers": 2, "latent": 6},
    "diffusion": {"d": 16, "layers": 2, "steps": 3, "gradient_steps": 1},
}


@pytest.mark.parametrize("name", GENERATORS.names())
def test_emits_for_mixed_architectures(name: str, mixed_architectures: list[Architecture], tmp_path: Path) -> None:
    torch.manual_seed(0)
    generator = make_generator(name, {"token_width": 7, **SMALL.get(name, {})})
    blueprints = [Blueprint.of(a) for a in mixed_architectures]
    if isinstance(generator, Fitted):
        layout = generator.tokenizer.batch(blueprints * 3)
        tokens = initial_tokens(generator.tokenizer, blueprints * 3, range(9))
        networks = Generated.dense(generator.tokenizer, layout, tokens)
        generator.fit(Collection.of(networks, torch.arange(9.0)))
    generated = generator.generate(blueprints, range(3), 0.5)
    assert generated.blueprints == tuple(blueprints)
    assert bool(torch.isfinite(generated.tokens).all())
    for i, blueprint in enumerate(blueprints):
        counts = {name: int(mask.sum()) for name, mask in generated.neurons(i).items()}
        assert counts == {name: round(0.5 * width) for name, width in blueprint.maskable}
    x = torch.randn(4, 12)
    for i in range(3):
        assert bool(torch.isfinite(generated.network(i)(x)).all())
    save_pretrained(generator, tmp_path / name)
    again = from_pretrained(tmp_path / name).generate(blueprints, range(3), 0.5)
    assert torch.equal(again.tokens, generated.tokens)
    if GENERATORS.load(name).kind == "family":
        latent = generator.draw_latent(blueprints, range(3))
        emitted = generator(blueprints, latent, Condition.uniform(3))
        emitted.tokens.square().sum().backward()
        assert any(p.grad is not None and bool(p.grad.any()) for p in generator.parameters())
