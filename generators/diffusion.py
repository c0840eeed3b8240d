"""The diffusion family: weights and connectivity are refined together from noise in a few steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from generators.attention import LOOK_AT, LookAt, TokenTransformer
from generators.collection import Collection
from generators.encoder import BlueprintEncoder, Encoded
from generators.generated import Generated
from generators.generator import Condition, Denoiser, Generator, GeneratorConfig, Mode, Trial, standard_normal
from generators.heads import CONDITION_FEATURES, sinusoid, to_generated, to_values, unit_head, wishes
from generators.tokens import LANES, BatchLayout
from search_spaces import Blueprint

# dimension names: networks, tokens, edges, entries as in generators.tokens; state = tokens + edges;
# channels = entries, or for an edge: the score of its gate in the last channel

TRAIN_STEPS = 1000


class DiffusionConfig(GeneratorConfig):
    """Settings of the ``diffusion`` family."""

    d: int = Field(default=96, ge=8, le=4096, multiple_of=4, description="width of the denoiser")
    layers: int = Field(default=3, ge=1, le=64, description="attention blocks of the denoiser")
    look_at: LookAt = Field(default="tokens", description=LOOK_AT)
    steps: int = Field(default=3, ge=1, le=1000, description="denoiser evaluations for one network")
    gradient_steps: int = Field(default=1, ge=1, le=1000, description="last steps that task loss flows through")
    shift: float = Field(
        default=3.0, ge=0.01, le=100, description="flow only: more than 1 spends more steps on noisy states"
    )
    kept: float = Field(default=0.4, ge=0, le=1, description="share of the noisy state that each step passes on")
    scheduler: Literal["flow", "ddim", "dpm++"] = Field(
        default="flow",
        description="flow matching (Lipman et al. 2023, arXiv:2210.02747), DDIM (Song et al. 2021, "
        "arXiv:2010.02502) or DPM-Solver++ (Lu et al. 2022, arXiv:2211.01095)",
    )


class DiffusionGenerator(Generator, Denoiser):
    """Few-step refinement of noise into weights and gates, by a transformer over tokens.

    The latent is the noise itself, one number for each entry of each token and each edge. The denoiser
    predicts the data as ``kept c x_t + m``: ``m`` comes from the transformer, and c = α/(α² + σ²) for
    x_t = α data + σ noise is the best linear guess for data of unit variance (compare Karras et al. 2022,
    arXiv:2206.00364, table 1). ``kept`` is fixed: task loss alone would remove all noise, and with it all
    difference between latents; what is kept, the transformer has to live with. An untrained generator emits
    freshly initialised networks.
    """

    name: ClassVar[str] = "diffusion"
    kind: ClassVar[Literal["family", "baseline"]] = "family"
    modes: ClassVar[tuple[Mode, ...]] = ("task", "zoo", "both")
    Config: ClassVar[type[GeneratorConfig]] = DiffusionConfig
    unit: Tensor

    def __init__(self, config: DiffusionConfig | None = None) -> None:
        super().__init__(config)
        self.settings = c = config or DiffusionConfig()
        self.channels = self.tokenizer.entries
        self.encoder = BlueprintEncoder(c.d)
        self.enter = nn.Linear(self.channels, c.d)
        self.condition = nn.Sequential(nn.Linear(64 + CONDITION_FEATURES, c.d), nn.GELU(), nn.Linear(c.d, c.d))
        self.body = TokenTransformer(c.d, c.layers, c.look_at)
        self.leave = unit_head(c.d, self.channels)
        self.register_buffer("unit", torch.ones(self.channels))

    @property
    def evaluations(self) -> int:
        """One for each step."""
        return self.settings.steps

    @classmethod
    def suggest(cls, trial: Trial) -> Mapping[str, Any]:
        """Number of steps and how much noise each passes on."""
        return {
            "steps": trial.suggest_int("diffusion.steps", 2, 8),
            "kept": trial.suggest_float("diffusion.kept", 0.2, 0.9),
        }

    def draw_latent(self, blueprints: Sequence[Blueprint], seeds: Sequence[int]) -> Tensor:
        """Standard normal noise ``[networks, state, channels]``."""
        layout = self.tokenizer.batch(blueprints)
        tokens, edges = layout.node.shape[1], layout.edge_real.shape[1]
        noise = torch.zeros(len(seeds), tokens + edges, self.channels)
        for n, (part, seed) in enumerate(zip(layout.layouts, seeds, strict=True)):
            own_edges = len(part.blueprint.optional_edges)
            draw = standard_normal((len(part) + own_edges, self.channels), seed)
            noise[n, : len(part)] = draw[: len(part)]
            noise[n, tokens : tokens + own_edges] = draw[len(part) :]
        return noise

    def emit(self, layout: BatchLayout, latent: Tensor, condition: Condition) -> Generated:
        """Refine ``latent`` in ``steps`` steps; gradients flow through the last ``gradient_steps``."""
        scheduler = self._scheduler()
        scheduler.set_timesteps(self.settings.steps, device=latent.device)
        state = latent
        encoded = self.encoder(layout)
        free = self.settings.steps - self.settings.gradient_steps
        for i, t in enumerate(scheduler.timesteps):
            with torch.set_grad_enabled(torch.is_grad_enabled() and i >= free):
                alpha, sigma = self._levels(scheduler, t, i)
                time = (t / TRAIN_STEPS).expand(len(state))
                data = self.denoise(layout, encoded, state, time, alpha, sigma, condition)
                output = (state - data) / sigma if self.settings.scheduler == "flow" else data
                state = scheduler.step(output, t, state, return_dict=False)[0]
        return self._from_state(layout, state, condition)

    def denoise(
        self,
        layout: BatchLayout,
        encoded: Encoded,
        state: Float[Tensor, "networks state channels"],
        time: Float[Tensor, " networks"],
        alpha: Tensor,
        sigma: Tensor,
        condition: Condition,
    ) -> Float[Tensor, "networks state channels"]:
        """The data that a noisy state is believed to come from.

        Args:
            layout: of the blueprints.
            encoded: the encoder's view of them.
            state: noisy tokens, then noisy edges.
            time: 0 = data, 1 = noise.
            alpha: share of data in ``state``, one for all or ``[networks, 1, 1]``.
            sigma: share of noise, likewise.
            condition: what is wanted.
        """
        count = layout.node.shape[1]
        wanted = self.condition(torch.cat([sinusoid(time, 64), wishes(condition)], dim=-1))[:, None]
        entered = self.enter(state)
        tokens, edges = self.body(
            entered[:, :count] + encoded.tokens + wanted,
            entered[:, count:] + encoded.edges + wanted,
            layout.real,
            layout.edge_real,
            layout.node,
        )
        add = self.leave(torch.cat([tokens, edges], dim=1))
        return self.settings.kept * alpha / (alpha**2 + sigma**2) * state + add

    def prepare(self, training: Collection) -> None:
        """Measure the spread of each channel over trained networks, so that data has unit variance."""
        width = self.channels - LANES
        channels = [*(slice(i, i + 1) for i in range(LANES)), slice(LANES, None)]
        found: list[list[tuple[int, float]]] = [[] for _ in channels]  # entries and mean square, part by part
        for networks in training.parts():
            values, _ = to_values(networks)
            for own, channel in zip(found, channels, strict=True):
                used = values[..., channel][networks.layout.used[..., channel]]
                own.append((len(used), float(used.square().mean()) if len(used) else 0.0))
        *lane, weights = (self._spread(own) for own in found)
        self.unit.copy_(torch.tensor([*lane, *([weights] * width)], device=self.unit.device))

    def zoo_loss(
        self, networks: Generated, condition: Condition, generator: torch.Generator
    ) -> Float[Tensor, " networks"]:
        """Mean squared error of the predicted data over real channels, at noise levels of the scheduler.

        For ``flow``: x_t = (1 − t) data + t noise, t uniform in (0, 1] (Lipman et al. 2023, eq. 22, time
        reversed); otherwise the variance-preserving x_t of the schedule. Predicting data instead of velocity
        weighs the levels by t² (Salimans & Ho 2022, arXiv:2202.00512, section 4).
        """
        layout = networks.layout
        clean, real = self._to_state(networks)
        noise = torch.randn(clean.shape, generator=generator).to(clean.device)
        time = 1.0 - torch.rand(len(clean), generator=generator).to(clean.device)
        if self.settings.scheduler == "flow":
            sigma = time[:, None, None]
            alpha = 1 - sigma
        else:
            index = (time * TRAIN_STEPS).long().clamp_max(TRAIN_STEPS - 1)
            kept = self._scheduler().alphas_cumprod.to(clean.device)[index][:, None, None]
            alpha, sigma = kept.sqrt(), (1 - kept).sqrt()
        noisy = alpha * clean + sigma * noise
        guess = self.denoise(layout, self.encoder(layout), noisy, time, alpha, sigma, condition)
        return ((guess - clean).square() * real).sum((1, 2)) / real.sum((1, 2))

    def _scheduler(self) -> Any:
        if self.settings.scheduler == "flow":
            return FlowMatchEulerDiscreteScheduler(num_train_timesteps=TRAIN_STEPS, shift=self.settings.shift)
        kind = DDIMScheduler if self.settings.scheduler == "ddim" else DPMSolverMultistepScheduler
        extra = {"clip_sample": False} if self.settings.scheduler == "ddim" else {}
        return kind(
            num_train_timesteps=TRAIN_STEPS,
            prediction_type="sample",
            beta_schedule="squaredcos_cap_v2",
            **extra,
        )

    def _levels(self, scheduler: Any, t: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Share of data and of noise before the given step."""
        if self.settings.scheduler == "flow":
            sigma = scheduler.sigmas[step].to(t.device)
            return 1 - sigma, sigma
        kept = scheduler.alphas_cumprod[t.long().cpu()].to(t.device)
        return kept.sqrt(), (1 - kept).sqrt()

    @staticmethod
    def _spread(found: Sequence[tuple[int, float]]) -> float:
        """At least 0.1; 1 where no network has such an entry."""
        total = sum(count for count, _ in found)
        if not total:
            return 1.0
        mean_square = torch.tensor(sum(count * mean for count, mean in found) / total)
        return max(0.1, float(mean_square.sqrt()))

    def _from_state(self, layout: BatchLayout, state: Tensor, condition: Condition) -> Generated:
        count = layout.node.shape[1]
        tokens = state[:, :count] * self.unit
        return to_generated(self.tokenizer, layout, tokens, state[:, count:, -1], condition)

    def _to_state(self, networks: Generated) -> tuple[Tensor, Tensor]:
        """Trained networks as clean states, and which channels are real."""
        values, edges = to_values(networks)
        tokens = values / self.unit
        layout = networks.layout
        gates = values.new_zeros(*edges.shape, self.channels)
        gates[..., -1] = edges
        real = layout.used.float()
        real_edges = torch.zeros_like(gates)
        real_edges[..., -1] = layout.edge_real
        return torch.cat([tokens, gates], dim=1), torch.cat([real, real_edges], dim=1)
