"""The door: HTTP server, receiver of OTLP and of anonymous events, and the API that the page reads."""

__all__: list[str] = []  # each module is imported where it is needed
