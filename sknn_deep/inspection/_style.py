"""What the displays share: colours, sizes, and how a user's style goes over theirs."""

# The colours of Okabe and Ito for all kinds of colour vision, without their yellow,
# which is lost on white (https://doi.org/10.1038/nmeth.1618); then three that a search
# found to lie farthest from these and each other, in normal and in deficient vision.
COLORS = (
    "#0072b2",  # blue
    "#d55e00",  # vermilion
    "#009e73",  # bluish green
    "#cc79a7",  # reddish purple
    "#e69f00",  # orange
    "#56b4e9",  # sky blue
    "#5a2d00",  # brown
    "#a500ff",  # violet
    "#000000",  # black
    "#0f0f96",  # navy
)

# Of what has no colour of its own.
OTHERS_COLOR = "#b0b0b0"

# One per colour, so that a class is known by its shape too.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "p", ">")

# Relative to the user's "font.size", and large enough for a projector.
LABEL_SIZE = "x-large"
TICK_SIZE = "large"


def make_axes(ax, figsize: tuple[float, float], layout: str = "constrained"):
    """Give `ax`, or the axes of a new figure that leaves room for what lies outside."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout=layout)[1]


def label_axes(ax, xlabel: str, ylabel: str) -> None:
    """Name the axes and bring their writing to the size of a projector."""
    ax.set_xlabel(xlabel, fontsize=LABEL_SIZE)
    ax.set_ylabel(ylabel, fontsize=LABEL_SIZE)
    ax.tick_params(labelsize=TICK_SIZE)


def merge_style(defaults: dict, given: dict | None, artist_type: type) -> dict:
    """Put the style that was given over the defaults, whatever alias it came under."""
    from matplotlib.cbook import normalize_kwargs

    return {**defaults, **normalize_kwargs(given, artist_type)}
