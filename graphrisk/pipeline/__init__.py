"""THE FLOW, top to bottom: load(), detect(), publish(); and what people ask of its results."""

from graphrisk.pipeline.detecting import detect
from graphrisk.pipeline.loading import Loaded, load
from graphrisk.pipeline.publishing import publish, rollback

__all__ = ["Loaded", "detect", "load", "publish", "rollback"]
