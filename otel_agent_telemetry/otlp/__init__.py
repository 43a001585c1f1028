"""Reading OTLP, protobuf and JSON: the one reader of ``serve``, ``import`` and ``preview``."""

__all__: list[str] = []  # each module is imported where it is needed
