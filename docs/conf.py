"""How Sphinx builds this folder: ``make docs``. What the code knows is written by ``reference.py`` beside this file."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE)]

from reference import write_reference  # noqa: E402 - beside this file

write_reference(HERE / "_generated")

project = "otel-agent-telemetry"
author = "The otel-agent-telemetry authors"
copyright = author  # noqa: A001 - Sphinx's name for it
release = version = version_of("otel-agent-telemetry")
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_generated"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "none"
nitpick_ignore_regex = [("py:.*", r"(asyncio|subprocess)\..*")]  # Python's own documentation is elsewhere
html_theme = "pydata_sphinx_theme"
html_title = project
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": [], "tutorial": []}
