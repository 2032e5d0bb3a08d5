"""
``make chaos``: the real processes under load, while they are killed, paused, cut off from each other, slowed down, and
while their disks are full; then a check over REST that nothing is lost, doubled, half done or out of step.
"""
