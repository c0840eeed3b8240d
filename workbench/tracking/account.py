"""Whether somebody is logged in to Weights & Biases here; asked before hours of work, not after."""

from __future__ import annotations


def has_account() -> bool:
    """Whether W&B finds a key in its settings or in the environment; sends nothing and asks nobody."""
    import wandb

    try:
        return bool(wandb.login(prompt=False))
    except Exception:  # a key that W&B does not take
        return False
