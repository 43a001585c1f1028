"""The operator's side: providers, exporters and instruments for his own traces and metrics."""

__all__: list[str] = []  # each module is imported where it is needed
