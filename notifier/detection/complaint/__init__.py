"""Is this post a complaint that a service does not work, and which? Words decide, and the verdict names them; a model
fitted to labelled posts may correct them.

    words (plain text) > phrases (what occurs) > reading (what each claim means) > judge (verdicts), beside it model
"""

from .judge import Judge
from .verdict import Kind, Verdict

__all__ = ["Judge", "Kind", "Verdict"]
