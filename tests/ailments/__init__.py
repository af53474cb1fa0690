"""Ailments: what can be wrong with a configuration, each planted in a real one, and mended as the doctor says."""

from tests.ailments import access, database, house, model, others
from tests.ailments.ailment import AILMENTS, Ailment
from tests.ailments.ward import Ward, matching

_ORDER = [module.__name__ for module in (house, database, others, model, access)]
AILMENTS.sort(key=lambda ailment: _ORDER.index(ailment.course.__module__))

__all__ = ["AILMENTS", "Ailment", "Ward", "matching"]
