"""What redact costs and what it protects, measured: ``python -m benchmarks`` lists the names."""
