"""The doctor: what is configured, reachable and missing in a house; each problem with its remedy."""

from planrail.doctor.examination import examined
from planrail.doctor.finding import Finding, Level

__all__ = ["Finding", "Level", "examined"]
