"""
Whether the setting for proxies fits what comes in, told in the log.

Where it does not, every caller seems to come from the address of the proxy, and all share one count of attempts to sign
in; or a caller can make up an address.
"""

import structlog
from flask import Flask, request

from gateway.settings import GatewaySettings

log = structlog.get_logger()


def warn_at_start(settings: GatewaySettings) -> None:
    """Warn where the settings contradict each other: cookies for https only, and no proxy that could end it."""
    if settings.secure_cookies and not settings.trusted_proxies:
        log.warning(
            "GATEWAY_SECURE_COOKIES is set, as behind a TLS proxy, but GATEWAY_TRUSTED_PROXIES is 0: "
            "behind a proxy, all callers seem to come from its address, and share its attempts to sign in"
        )


def init_app(app: Flask, settings: GatewaySettings) -> None:
    """Warn once at the first request that does not fit the number of trusted proxies."""
    warned = False

    def compare() -> None:
        nonlocal warned
        if request.blueprint == "health":
            return  # Asked from inside, past the proxy: by a kubelet, a container's health check, `austausch doctor`.
        before = request.environ.get("werkzeug.proxy_fix.orig", {})
        forwarded = request.headers.get("X-Forwarded-For", "")
        hops = len(forwarded.split(",")) if forwarded else 0
        peer = before.get("REMOTE_ADDR") or request.remote_addr or ""
        if warned or (hops == settings.trusted_proxies or (hops > settings.trusted_proxies > 0)):
            return
        if not forwarded and peer in ("127.0.0.1", "::1", ""):  # somebody on this machine
            return
        warned = True
        log.warning(
            "a request does not fit GATEWAY_TRUSTED_PROXIES, so addresses of callers are not theirs",
            trusted_proxies=settings.trusted_proxies,
            forwarded_for_entries=hops,
            peer=peer,
        )

    app.before_request(compare)
