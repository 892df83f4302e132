"""What the displays share: colours, sizes, and how a user's style goes over theirs."""

# The ten colours of M. A. Petroff, "Accessible Color Sequences for Data Visualization"
# (https://arxiv.org/abs/2107.02270), chosen to stay apart under every common colour
# vision deficiency. The order is ours: those that stand out most on white come first.
COLORS = (
    "#3f90da",
    "#bd1f01",
    "#ffa90e",
    "#832db6",
    "#717581",
    "#e76300",
    "#92dadd",
    "#a96b59",
    "#b9ac70",
    "#94a4a2",
)

# One per colour, so that a class is known by its shape too.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "p", ">")

# Relative to the user's "font.size", and large enough for a projector.
LABEL_SIZE = "x-large"
TICK_SIZE = "large"


def make_axes(ax, figsize: tuple[float, float]):
    """Give `ax`, or the axes of a new figure that leaves room for what lies outside."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1]


def label_axes(ax, xlabel: str, ylabel: str) -> None:
    """Name the axes and bring their writing to the size of a projector."""
    ax.set_xlabel(xlabel, fontsize=LABEL_SIZE)
    ax.set_ylabel(ylabel, fontsize=LABEL_SIZE)
    ax.tick_params(labelsize=TICK_SIZE)


def merge_style(defaults: dict, given: dict | None, artist_type: type) -> dict:
    """Put the style that was given over the defaults, whatever alias it came under."""
    from matplotlib.cbook import normalize_kwargs

    return {**defaults, **normalize_kwargs(given, artist_type)}
