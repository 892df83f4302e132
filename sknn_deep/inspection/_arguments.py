"""What a display's methods take, that an error may name it."""

import inspect

from sknn_deep.parameters import say_what_is_alike


def check_plot_params(plot_params: dict, cls: type, method: str) -> None:
    """Refuse arguments that a method hands on to `plot`, if that has no such."""
    taken = {
        **inspect.signature(getattr(cls, method)).parameters,
        **inspect.signature(cls.plot).parameters,
    }
    names = [
        name
        for name, parameter in taken.items()
        if parameter.kind is not parameter.VAR_KEYWORD and name != "self"
    ]
    for name in plot_params:
        if name not in names:
            said = say_what_is_alike(name, names, cutoff=0.6)
            raise TypeError(
                f"{cls.__name__}.{method}() got an unexpected keyword argument "
                f"{name!r}.{said} It takes {', '.join(names)}."
            )
