"""The page's own files, and the headers that keep it to itself."""

from __future__ import annotations

from importlib.resources import files

__all__ = ["PAGE_HEADERS", "asset"]

_TYPES = {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_SCRIPT = "text/javascript; charset=utf-8"

PAGE_HEADERS = {
    # nothing from another host, no inline script or style, and no string ever becomes HTML
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def asset(path: str) -> tuple[str, bytes] | None:
    """Content type and bytes of a file of the page, or None."""
    name = path.removeprefix("/") or "index.html"
    folder = files("otel_agent_telemetry.local") / "page"
    known = {item.name for item in folder.iterdir()}
    if name not in known or not (name in _TYPES or name.endswith(".js")):
        return None
    return _TYPES.get(name, _SCRIPT), (folder / name).read_bytes()
