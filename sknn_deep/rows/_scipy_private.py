"""The only place that imports what SciPy marks private.

Its loops over the arrays of sparse matrices, which write into memory that is there:
what they are given has to fit, since they check nothing.
"""

from scipy.sparse._sparsetools import csr_matvecs, csr_row_index, csr_tocsc

__all__ = ["csr_matvecs", "csr_row_index", "csr_tocsc"]
