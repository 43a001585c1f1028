"""The operator's side: providers, exporters and instruments for his own traces and metrics."""
