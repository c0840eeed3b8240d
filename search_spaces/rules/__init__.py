"""Rules that users state about architectures: kept while one is emitted, and checked by themselves."""

from search_spaces.rules.emission import Asked, Emission, Walk, sample_within
from search_spaces.rules.rules import Forbidden, Rules
from search_spaces.rules.violations import violations

__all__ = ["Asked", "Emission", "Forbidden", "Rules", "Walk", "sample_within", "violations"]
