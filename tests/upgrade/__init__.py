"""
``make upgrade-test``: the processes of the release before run beside those of this one under load, on one PostgreSQL
and one NATS; then a check over REST that nothing is lost, doubled, half done or out of step.
"""
