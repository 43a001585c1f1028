"""Coding agents: what starts them, what they print, and the real ones."""
