"""Making an agent of a host, and taking it off again: ``edge-agent install`` and ``edge-agent uninstall``.

============================================  ==========================================================
:mod:`~edge_agent.install.layout`             where everything of one agent is
:mod:`~edge_agent.install.host`               the host, or a directory that becomes one (``--root``)
:mod:`~edge_agent.install.wishes`             what was asked for, and what of it is refused
:mod:`~edge_agent.install.steps`              what a plan is made of
:mod:`~edge_agent.install.owned`              the steps for directories and files
:mod:`~edge_agent.install.owner`              being the owner of a directory instead of root
:mod:`~edge_agent.install.contents`           what stands in files that are written once
:mod:`~edge_agent.install.soundness`          whether the host is fit for it
:mod:`~edge_agent.install.plan`               which steps make an agent of a host
:mod:`~edge_agent.install.removal`            which steps take it off again
:mod:`~edge_agent.install.carrying_out`       showing a plan, and carrying it out
:mod:`~edge_agent.install.record`             what was made, so that it can be taken off
:mod:`~edge_agent.install.settings_file`      ``agent.toml``, of which only what was asked for is changed
:mod:`~edge_agent.install.systemd`            the unit, and how much of the host it shows to jobs
:mod:`~edge_agent.install.other_managers`     how to run an agent without systemd
============================================  ==========================================================

What if it dies here? Each step looks for what there is before it does anything, and files are written beside
and renamed over: the same command again goes on where it was. That one is not done is in the record.
"""
