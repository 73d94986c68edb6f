"""The nouns of the project: frozen, plain, without pytest and without anything heavy.

A zoo file or a marker becomes a `ModelSpec` and a `DatasetSpec`; each limit of a model becomes one `Limit`, and each
limit gets one `Verdict`. Units: top-1 and top-5 are in percent [0, 100]; hmean, AP and the rest are fractions [0, 1].
"""
