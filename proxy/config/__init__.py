"""The configuration: a YAML file and the environment become frozen, validated settings, or a list of every fault."""

from proxy.config.environment import CONFIG_VARIABLE
from proxy.config.faults import ConfigurationError, Fault, shown_url
from proxy.config.keys import Key, settings_keys
from proxy.config.listening import CorsSettings, ListenSettings, TlsSettings
from proxy.config.load import load_settings
from proxy.config.settings import (
    CacheSettings,
    GuardSettings,
    HealthSettings,
    LimitSettings,
    LoggingSettings,
    NodeSettings,
    NodeTlsSettings,
    ObserveSettings,
    Settings,
    TimeoutSettings,
    VersionSettings,
    WebSocketSettings,
)

__all__ = [
    "CONFIG_VARIABLE",
    "CacheSettings",
    "ConfigurationError",
    "CorsSettings",
    "Fault",
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
    "TimeoutSettings",
    "TlsSettings",
    "VersionSettings",
    "WebSocketSettings",
    "load_settings",
    "settings_keys",
    "shown_url",
]
