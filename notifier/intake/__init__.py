"""From a post's bytes to counts: what happens before the detector, fast, in one process, in several, or on several
machines.

A room of its own because it joins two that do not know each other: what a post is (`sources.posts`) and what it says
(`detection`). It stands above both and below the composition root.
"""
