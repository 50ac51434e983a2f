"""From evidence to places, from places to verdicts. Pure and deterministic."""
