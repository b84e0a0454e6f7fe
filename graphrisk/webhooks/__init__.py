"""Webhooks: the feed of signals sent to hosts that were allowed, signed, at least once. Nothing is sent unless asked."""
