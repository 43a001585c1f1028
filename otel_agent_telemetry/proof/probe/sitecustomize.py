"""Begins the probe in a Python process, then whatever ``sitecustomize`` the path has beside it.

Stands alone: the program may run in an environment that has nothing of ours.
"""

import importlib.machinery
import importlib.util
import os
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))  # first on the path, as it is how this file was found


def _go_on() -> None:
    path = [each for each in sys.path if os.path.abspath(each or ".") != _FOLDER]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", path)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


def _stay_first() -> None:
    """OpenTelemetry's hook puts itself before all else; processes that this one starts are to be watched too."""
    others = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each and each != _FOLDER]
    os.environ["PYTHONPATH"] = os.pathsep.join([_FOLDER, *others])


if os.environ.get("AGENT_TELEMETRY_PROBE"):
    import agent_telemetry_probe

    agent_telemetry_probe.begin()
    _go_on()
    _stay_first()
    agent_telemetry_probe.hand_over()
else:
    _go_on()
