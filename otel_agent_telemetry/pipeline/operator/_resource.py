"""The resource of the operator's spans and metrics: the standard variables, and below them the service's name."""

from __future__ import annotations

from opentelemetry.sdk.resources import Resource

from otel_agent_telemetry import semconv as names

__all__ = ["ServiceResource"]


class ServiceResource(Resource):
    """What spans and metrics say of their service, and may say anew once the program's own code names it.

    Under ``run`` a program is instrumented before its first line, and its spans share one resource for all its life.
    """

    def __init__(self, service: str, version: str | None) -> None:
        super().__init__({})
        self.name(service, version)

    def name(self, service: str, version: str | None) -> None:
        """Take this name and version, unless a standard variable says another."""
        attributes = {names.SERVICE_NAME: service}
        if version is not None:
            attributes[names.SERVICE_VERSION] = version
        # Resource.create lets OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES fill in; what is given to it would win, so
        # ours go underneath.
        whole = Resource(attributes).merge(_from_environment(Resource.create()))
        super().__init__(whole.attributes, whole.schema_url)


def _from_environment(resource: Resource) -> Resource:
    unknown = str(resource.attributes.get(names.SERVICE_NAME, "")).startswith("unknown_service")
    kept = {key: value for key, value in resource.attributes.items() if not (unknown and key == names.SERVICE_NAME)}
    return Resource(kept, resource.schema_url)
