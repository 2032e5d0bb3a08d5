"""Handlers for other services' events: the exchange service needs none."""

from chassis.consumer import Handlers

HANDLERS: Handlers = {}
