"""What gunicorn imports in each worker."""

from chassis import telemetry
from chassis.settings import load
from gateway import create_app
from gateway.settings import GatewaySettings

_settings = load(GatewaySettings, "gateway")
telemetry.set_up("gateway", _settings)
app = create_app(_settings)
