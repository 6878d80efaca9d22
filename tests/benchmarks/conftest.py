"""The marker of tests that take more than five seconds."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes more than five seconds; -m 'not slow' leaves it out")
