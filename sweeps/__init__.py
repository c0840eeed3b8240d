"""Many experiments: Optuna studies over generators, their settings and training modes."""
