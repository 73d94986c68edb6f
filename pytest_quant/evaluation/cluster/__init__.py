"""A Dask cluster that does the shards of a run; the only place that knows Dask."""
