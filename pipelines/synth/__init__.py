"""Generated populations for the demo, the tests and the benchmark. Never mixed with real rows."""
