"""The one error of files that cannot be loaded."""


class ModelFileError(ValueError):
    """A file is not one that ``sknn_deep.save`` wrote, or is no longer.

    See Also
    --------
    sknn_deep.load : Raises it.
    """
