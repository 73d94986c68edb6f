"""The one engine: shards of work, run by any `concurrent.futures.Executor`, with events, cancelling and time limits."""
