"""What fills architectures: weights and connectivity. Families and baselines load by name from the registry."""

from generators.collection import Collection
from generators.generated import Generated
from generators.generator import (
    Condition,
    Decoder,
    Denoiser,
    Fitted,
    Generator,
    GeneratorConfig,
    Mode,
    standard_normal,
)
from generators.registry import GENERATORS, make_generator
from generators.saving import from_pretrained, generator_digest, save_pretrained
from generators.tokens import BatchLayout, TokenLayout, WeightTokenizer

__all__ = [
    "GENERATORS",
    "BatchLayout",
    "Collection",
    "Condition",
    "Decoder",
    "Denoiser",
    "Fitted",
    "Generated",
    "Generator",
    "GeneratorConfig",
    "Mode",
    "TokenLayout",
    "WeightTokenizer",
    "from_pretrained",
    "generator_digest",
    "make_generator",
    "save_pretrained",
    "standard_normal",
]
