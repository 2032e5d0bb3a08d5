"""What gunicorn imports, once, before it forks its workers."""

from chassis import telemetry
from chassis.settings import load
from gateway import create_app
from gateway.operations import proxy_check
from gateway.settings import GatewaySettings

_settings = load(GatewaySettings, "gateway")
telemetry.set_up("gateway", _settings)
proxy_check.warn_at_start(_settings)
app = create_app(_settings)
