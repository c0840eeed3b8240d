"""How a generator is measured."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class EvaluationConfig(BaseModel):
    """Sizes of the measurement; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latents: int = Field(default=6, ge=2, description="networks generated for each held-out architecture")
    density: float = Field(default=1.0, gt=0, le=1, description="share of hidden neurons to keep")
    weights: float = Field(default=1.0, gt=0, le=1, description="share of weights to keep non-zero")
    valid_margin: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="a network is valid if it scores at most this much below real ones",
    )
    curve: tuple[float, ...] = Field(
        default=(1.0, 0.8, 0.6, 0.45, 0.3, 0.2), description="densities of the sparsity curve; empty for none"
    )
    weights_curve: tuple[float, ...] = Field(
        default=(), description="shares of weights of the curve of sparse weights; empty for none"
    )
    thorough: bool = Field(default=True, description="also controls, weight-space novelty, curve and latency")
    seed: int = Field(default=0, ge=0, lt=2**31)

    def without_curves(self) -> EvaluationConfig:
        """The same but for the curves of sparsity, of neurons and of weights."""
        return self.model_copy(update={"curve": (), "weights_curve": ()})
