"""Tests of the documentation: what a page says to type or to save works."""
