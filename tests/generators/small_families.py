"""Networks of differing shapes, and a small generator of each family that learns."""

import torch

from generators.diffusion import DiffusionConfig, DiffusionGenerator
from generators.experts import ExpertsGenerator
from generators.generator import Generator
from generators.mlp import ExpertsConfig, MLPConfig, MLPGenerator
from generators.testing import small_architectures
from generators.tokens import WeightTokenizer
from generators.transformer import TransformerConfig, TransformerGenerator
from search_spaces import Blueprint

BLUEPRINTS = [Blueprint.of(architecture) for architecture in small_architectures()]
TOKENIZER = WeightTokenizer(width=4)


def families(*, steps: int) -> list[Generator]:
    """Untrained, always the same; the diffusion takes so many steps."""
    torch.manual_seed(0)
    return [
        MLPGenerator(MLPConfig(token_width=4, d=16, hidden=24, layers=2, latent=6)),
        ExpertsGenerator(ExpertsConfig(token_width=4, d=16, hidden=24, layers=2, latent=6, experts=3)),
        TransformerGenerator(TransformerConfig(token_width=4, d=16, layers=2, latent=6)),
        DiffusionGenerator(DiffusionConfig(token_width=4, d=16, layers=2, steps=steps)),
    ]
