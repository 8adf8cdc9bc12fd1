"""These tests need a server; they are collected only where their file is named, as `make test-vllm` does."""

collect_ignore_glob = ["test_*.py"]
