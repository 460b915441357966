"""The contenders of `benchmarks.performance`, each a program that runs in a process of its own."""
