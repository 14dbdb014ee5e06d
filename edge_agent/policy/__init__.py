"""What this host allows, said by whoever owns it, in a file that no server can change.

``document`` is what may stand in the file, ``file`` reads and distrusts it, ``templates`` and ``values``
are the listed commands and their typed arguments, ``lint`` is advice, ``limits`` bounds processes, and
``policy`` judges jobs by all of that. Nothing is imported here: the process of each job reads ``limits``.
"""
