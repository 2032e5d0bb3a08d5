"""
``python -m deploy.together``: the three services in one process, for a city on a small machine.

They have the settings, addresses and databases that they have in processes of their own, and speak to each other and
to the gateway as there. What they share is the interpreter with its libraries, the event loop, and the metrics: serve
these for one of the three only; what each has one of is labelled with its database or consumer.
"""

from chassis import server, telemetry
from chassis.settings import check_serving, load
from services.exchange import __main__ as exchange
from services.forum import __main__ as forum
from services.knowledge import __main__ as knowledge

NAME = "services"


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = load(exchange.ExchangeSettings, exchange.NAME)
    forum_settings = load(forum.ForumSettings, forum.NAME)
    knowledge_settings = load(knowledge.KnowledgeSettings, knowledge.NAME)
    check_serving(settings, exchange.NAME)
    check_serving(forum_settings, forum.NAME)
    check_serving(knowledge_settings, knowledge.NAME)
    telemetry.set_up(NAME, settings)
    server.run_until_stopped(
        NAME,
        lambda: [exchange.build(settings), forum.build(forum_settings), knowledge.build(knowledge_settings)],
    )


if __name__ == "__main__":
    main()
