"""
``austausch``, the operator's command: what somebody who runs the platform does beside starting and stopping it.

A module for each command. It reads the settings of the processes (``EXCHANGE_DATABASE_URL_FILE``, ``NATS_URL``, …) and
works on their databases and streams; it serves nothing, and keeps nothing of its own.
"""
