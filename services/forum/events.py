"""Handlers for other services' events: the forum service needs none."""

from chassis.consumer import Handlers

HANDLERS: Handlers = {}
