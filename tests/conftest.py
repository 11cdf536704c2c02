"""What all tests share: examples of hypothesis have no time limit of their own, for machines differ."""

from hypothesis import HealthCheck, settings

settings.register_profile("graphbit", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("graphbit")
