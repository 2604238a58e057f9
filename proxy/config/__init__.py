"""The configuration: a YAML file and the environment become immutable, validated settings, or a list of every error."""

from proxy.config.environment import CONFIG_VARIABLE
from proxy.config.grpc import GrpcSettings
from proxy.config.keys import Key, settings_keys
from proxy.config.limits import LimitSettings, TimeoutSettings
from proxy.config.listeners import CorsSettings, ListenSettings, TlsSettings
from proxy.config.load import load_settings
from proxy.config.nodes import NodeSettings, NodeTlsSettings
from proxy.config.observability import ClientsSettings, LoggingSettings, ObserveSettings, TracingSettings
from proxy.config.problems import ConfigProblem, ConfigurationError, shown_url
from proxy.config.settings import (
    CacheSettings,
    GuardSettings,
    HealthSettings,
    Settings,
    WebSocketSettings,
)
from proxy.config.source import ConfigSource
from proxy.config.versions import SunsetSettings, VersionSettings

__all__ = [
    "CONFIG_VARIABLE",
    "CacheSettings",
    "ClientsSettings",
    "ConfigProblem",
    "ConfigSource",
    "ConfigurationError",
    "CorsSettings",
    "GrpcSettings",
    "GuardSettings",
    "HealthSettings",
    "Key",
    "LimitSettings",
    "ListenSettings",
    "LoggingSettings",
    "NodeSettings",
    "NodeTlsSettings",
    "ObserveSettings",
    "Settings",
    "SunsetSettings",
    "TimeoutSettings",
    "TlsSettings",
    "TracingSettings",
    "VersionSettings",
    "WebSocketSettings",
    "load_settings",
    "settings_keys",
    "shown_url",
]
