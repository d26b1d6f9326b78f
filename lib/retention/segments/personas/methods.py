"""The ways to cluster that compete: k-means, Gaussian mixtures, HDBSCAN."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retention.errors import ParameterError
from retention.segments.intervals import Numbers

Labels = NDArray[np.int64]
Assign = Callable[[Numbers], Labels]
"""Gives every row a cluster; -1 is none."""


@dataclass(frozen=True)
class Method:
    """One way to cluster.

    Parameters
    ----------
    name
        ``k-means``, ``gaussian mixture`` or ``hdbscan``.
    clusters
        Number asked for; 0 where the method finds it itself.
    """

    name: str
    clusters: int

    def fit(self, values: Numbers, seed: int) -> Assign:
        """Fit to a matrix and return how it assigns rows, of that matrix or another."""
        if self.name == "k-means":
            return _k_means(values, self.clusters, seed)
        if self.name == "gaussian mixture":
            return _mixture(values, self.clusters, seed)
        return _hdbscan(values)


METHODS = ("k-means", "gaussian mixture", "hdbscan")


def candidates(names: list[str], most_clusters: int) -> Iterator[Method]:
    """Return every method with every number of clusters from 2.

    Raises
    ------
    ParameterError
        If a method is unknown.
    """
    for name in names:
        if name not in METHODS:
            raise ParameterError(f"There is no method {name!r}.", f"Use {', '.join(METHODS)}.")
        for clusters in [0] if name == "hdbscan" else range(2, most_clusters + 1):
            yield Method(name, clusters)


def _k_means(values: Numbers, clusters: int, seed: int) -> Assign:
    """Fit k-means (Lloyd 1982, k-means++ starts)."""
    from sklearn.cluster import KMeans

    model = KMeans(clusters, n_init=4, random_state=seed).fit(values)
    return lambda rows: model.predict(rows).astype(np.int64)


def _mixture(values: Numbers, clusters: int, seed: int) -> Assign:
    """Fit a mixture of Gaussians with full covariances, kept from collapsing on ties."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(clusters, reg_covar=1e-2, max_iter=60, tol=1e-2, random_state=seed)
    with warnings.catch_warnings():  # an unfinished fit shows as instability, where it belongs
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(values)
    return lambda rows: model.predict(rows).astype(np.int64)


def _hdbscan(values: Numbers) -> Assign:
    """Fit HDBSCAN (Campello et al. 2013); other rows take the label of their nearest neighbour."""
    from sklearn.cluster import HDBSCAN
    from sklearn.neighbors import NearestNeighbors

    size = max(25, len(values) // 20)
    labels = HDBSCAN(min_cluster_size=size, min_samples=10, copy=True).fit_predict(values)
    nearest = NearestNeighbors(n_neighbors=1).fit(values)
    return lambda rows: labels[nearest.kneighbors(rows, return_distance=False)[:, 0]].astype(
        np.int64
    )
