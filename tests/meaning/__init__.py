"""The mapping of spans to events."""
