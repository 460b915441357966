"""Run folders: a training's settings, split, weights, report and export in one place."""
