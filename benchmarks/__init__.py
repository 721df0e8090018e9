"""Commands that print figures, never tests: these machines are noisy, so every figure that matters is a ratio in one run."""
