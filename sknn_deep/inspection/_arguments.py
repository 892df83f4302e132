"""What a display's methods take, that an error may name it."""

import difflib
import inspect


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
            alike = difflib.get_close_matches(name, names, n=1)
            said = f" Did you mean {alike[0]!r}?" if alike else ""
            raise TypeError(
                f"{cls.__name__}.{method}() got an unexpected keyword argument "
                f"{name!r}.{said} It takes {', '.join(names)}."
            )
