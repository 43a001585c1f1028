"""A program that knows nothing of telemetry but what the standard API shows it."""

import json
import os
import signal
import sys
import threading


def main() -> None:
    """Say what this process is, and do as the arguments say."""
    loaded = {"opentelemetry.sdk", "requests", "sqlite3", "otel_agent_telemetry.pipeline.stream"} & set(sys.modules)
    about = {"arguments": sys.argv[1:], "loaded": sorted(loaded), "threads": threading.active_count()}
    sys.stdout.write(json.dumps({**about, "lines": sys.stdin.read() if "stdin" in sys.argv else None}) + "\n")
    sys.stdout.flush()
    if "wait" in sys.argv:
        signal.pause()
    if "signal" in sys.argv:
        os.kill(os.getpid(), signal.SIGTERM)
    if "raise" in sys.argv:
        raise RuntimeError
    if "session" in sys.argv:
        import otel_agent_telemetry as telemetry

        with telemetry.session(), telemetry.tool("web_search"):
            pass
    sys.exit(int(os.environ.get("CODE", "0")))


if __name__ == "__main__":
    main()
