"""Command-line frameworks: which command of the product ran."""

__all__: list[str] = []  # an entry point names each module
