"""DNS as evidence: names to addresses, from stated vantages, within bounds, with every answer kept as it came.

The package can be called: `residency.resolve(...)` is `residency.resolve.resolve(...)`, and
`residency.resolve.aresolve` its twin for a running event loop. A function beside a package of the same name would
vanish at the first import of the package, since Python sets the attribute to the module.
"""

from __future__ import annotations

import sys
from types import ModuleType

from residency.resolve.entry import aresolve, resolve

__all__ = ["aresolve", "resolve"]


class _CallablePackage(ModuleType):
    """A module that does what its function of the same name does."""

    __call__ = staticmethod(resolve)


sys.modules[__name__].__class__ = _CallablePackage
