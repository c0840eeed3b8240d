"""How a generator is trained."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from generators.generator import Mode


class TrainingConfig(BaseModel):
    """Budget and settings of one training; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Mode = Field(default="task", description="task, zoo or both (zoo first, then task)")
    steps: int = Field(default=600, ge=1, description="optimiser steps of the last phase")
    zoo_steps: int = Field(default=300, ge=1, description="optimiser steps of the zoo phase of mode both")
    max_seconds: float | None = Field(
        default=None,
        gt=0,
        description="stop a phase early after this long; the result then depends on the machine",
    )
    learning_rate: float = Field(default=2e-3, gt=0, le=1)
    optimizer: Literal["adamw", "muon"] = Field(
        default="adamw",
        description="muon: matrices move by the orthogonal part of their momentum; fewer steps do, each costs more",
    )
    weight_decay: float = Field(default=0.01, ge=0, le=1)
    architectures: int = Field(default=8, ge=1, description="architectures in one step")
    latents: int = Field(default=1, ge=1, description="latents for each architecture in one step")
    batch_size: int = Field(default=128, ge=1, description="examples in one step, shared by its networks")
    input_noise: float = Field(default=0.3, ge=0, le=5, description="standard deviation added to inputs")
    zoo_weight: float = Field(default=0.0, ge=0, description="weight of the zoo loss in the last phase of both")
    diversity: float = Field(default=0.0, ge=0, description="weight of the diversity term (needs two latents or more)")
    diversity_noise: float = Field(
        default=1.0,
        ge=0,
        le=10,
        description="input noise of the diversity term: there real networks disagree",
    )
    diversity_target: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="distance between latents above which nothing is gained; "
        "by default that between really trained networks of one validation architecture",
    )
    sparse_share: float = Field(default=0.2, ge=0, le=1, description="share of networks asked to be sparse")
    least_density: float = Field(default=0.3, gt=0, le=1, description="sparsest density that is asked for")
    weights_share: float = Field(default=0.0, ge=0, le=1, description="share of networks asked for sparse weights")
    least_weights: float = Field(
        default=0.02,
        gt=0,
        le=1,
        description="smallest share of weights that is asked for, drawn log-uniformly from here to 1",
    )
    precision: Literal["32-true", "bf16-mixed"] = Field(
        default="32-true", description="of products while training, as Lightning's; networks are emitted in 32 bits"
    )
    compile: bool = Field(
        default=False,
        description="compile the generator's layers with torch.compile while training; pays for long trainings alone",
    )
    seed: int = Field(default=0, ge=0, lt=2**63)
