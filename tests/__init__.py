"""Tests; shared parts are ``tests.recorder`` and ``tests.parts``."""
