"""Pure values: places, claims, addresses, evidence, verdicts. No file, socket, clock or randomness."""
