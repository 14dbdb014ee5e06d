"""What the agent is doing now: said by each loop, judged, and shown to people and probes.

``board`` is what the loops write on, ``survey`` puts everything together, ``report`` is its form; ``file`` and
``socket`` are where it is to be had, ``asking`` gets it from there, and ``words`` says it to people. Nothing is
imported here: whoever asks for a status needs no agent.
"""
