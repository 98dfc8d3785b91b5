"""The feature gate of the load: which type a task is published as, asked of a real flag service through OpenFeature.

The provider is flagd's, in process mode: it follows the service's stream and evaluates by itself. So asking costs no round trip, a change
arrives as soon as the service pushes it, and a producer that is cut off goes on with what it heard last, which is what a drill of a stale
flag is about. Until the provider has heard anything, the flag counts as off. Only Locust's process imports OpenFeature and gRPC.
"""

from __future__ import annotations

import logging

from drillbook.scenario import FeatureGate as Settings

LOG = logging.getLogger("load")
NEEDS = "openfeature.contrib.provider.flagd"
EXTRA = "pip install 'drillbook[flags]'"
RECONNECT_MS = 500
"""Longest pause between two tries to reach the service."""


class FeatureFlag:
    """Asks one flag.

    Args:
        settings: the scenario's ``load.gate``.
        address: ``host:port`` of the service, where it speaks flagd's sync protocol.
    """

    def __init__(self, settings: Settings, address: str) -> None:
        from grpc.experimental import gevent as grpc_gevent
        from openfeature import api
        from openfeature.contrib.provider.flagd import FlagdProvider
        from openfeature.contrib.provider.flagd.config import ResolverType

        grpc_gevent.init_gevent()  # before any channel: gRPC would wait in its own threads, and the load with it
        host, _, port = address.rpartition(":")
        provider = FlagdProvider(
            host=host,
            port=int(port),
            resolver_type=ResolverType.IN_PROCESS,
            deadline_ms=10_000,
            retry_backoff_ms=RECONNECT_MS,
            retry_backoff_max_ms=RECONNECT_MS,
        )
        api.set_provider(provider)  # connects beside us; `ready` says when it has heard
        self._settings, self._client = settings, api.get_client()
        self._said: bool | None = None

    @property
    def ready(self) -> bool:
        """Whether the provider has heard of the service."""
        from openfeature.provider import ProviderStatus

        return self._client.get_provider_status() is ProviderStatus.READY

    @property
    def on(self) -> bool:
        """What the provider says now; off where it cannot say."""
        value = self._client.get_boolean_value(self._settings.flag, False)
        if value is not self._said:
            self._said = value
            LOG.info("the flag %s is %s", self._settings.flag, "on" if value else "off")
        return value

    def type_of(self, type: str) -> str:
        """The type that a task which arrives as this one is published as now."""
        instead = self._settings.types.get(type)
        return type if instead is None or self.on else instead
