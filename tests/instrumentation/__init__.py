"""The framework modules against the real frameworks."""
