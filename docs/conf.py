"""How Sphinx builds the site. The command is in contributing.md.

Nothing is loaded from the network, neither here nor by the pages, unless the
environment variable SKNN_DEEP_INTERSPHINX is set: names of other packages then link to
their sites.
"""

import os
import re
import sys
from pathlib import Path

from docutils import nodes
from sklearn.datasets import load_digits

ROOT = Path(__file__).resolve().parents[1]
# The checkout is documented, not an installed copy.
sys.path.insert(0, str(ROOT))

import sknn_deep  # noqa: E402
from sknn_deep.inspection import latent_space_to_html  # noqa: E402

project = "sknn_deep"
author = "sknn_deep developers"
copyright = "sknn_deep developers, BSD-3-Clause"
version = release = sknn_deep.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]
# In docstrings and examples, as in scikit-learn's, `names` are code.
default_role = "literal"

# --- pages in Markdown ----------------------------------------------------------------

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
# What follows a prompt or is no code is not copied.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
# Not what code prints.
copybutton_selector = "div:not(.highlight-output) > div.highlight > pre"

# --- the reference, from the docstrings -----------------------------------------------

autosummary_generate = True
autodoc_member_order = "bysource"
# "fit()" rather than "MLPClassifier.fit()" in the list beside the page.
toc_object_entries_show_parents = "hide"
# The template of a class lists its methods; numpydoc would list them once more.
numpydoc_show_class_members = False

# --- the gallery ----------------------------------------------------------------------

# Where the file of MNIST is, those of the tables are.
_mnist = os.environ.get("SKNN_DEEP_MNIST")
for _variable, _name in (
    ("SKNN_DEEP_HOUSING", "california_housing.csv.gz"),
    ("SKNN_DEEP_ADULT", "adult.csv.gz"),
):
    _path = Path(_mnist).with_name(_name) if _mnist else None
    if _path and _path.is_file():
        os.environ.setdefault(_variable, str(_path))

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    # What the examples import, and what is run by hand.
    "ignore_pattern": r"(^|/)(?!plot_)[^/]*\.py$",
    "doc_module": ("sknn_deep",),
    "reference_url": {"sknn_deep": None},
    "backreferences_dir": "generated/gallery",
    "image_scrapers": ("matplotlib",),
    # Objects without an HTML form would print their address in memory.
    "capture_repr": ("_repr_html_",),
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "write_computation_times": False,
    "remove_config_comments": True,
    "show_signature": False,
}

# --- a page to walk through a code ----------------------------------------------------


def write_digits_code(app, exception):
    """Write the page that the gallery shows, and the landing page links to."""
    if exception is None and app.builder.format == "html":
        X, y = load_digits(return_X_y=True)
        X = X / 16
        autoencoder = sknn_deep.NeighborAutoencoder(
            out_activation="logistic", random_state=0
        )
        latent_space_to_html(
            autoencoder.fit(X),
            X,
            Path(app.outdir, "digits_code.html"),
            y,
            y_name="digit",
            title="Handwritten digits in two numbers",
        )


# --- links to other packages ----------------------------------------------------------

if os.environ.get("SKNN_DEEP_INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "matplotlib": ("https://matplotlib.org/stable", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "skorch": ("https://skorch.readthedocs.io/en/stable", None),
        "torch": ("https://docs.pytorch.org/docs/stable", None),
    }
    intersphinx_timeout = 10

SCIKIT_LEARN = "https://scikit-learn.org/stable"
# What the docstrings of inherited methods refer to in scikit-learn's own guide.
SCIKIT_LEARN_LABELS = {
    "accuracy_score": "modules/model_evaluation.html#accuracy-score",
    "df_output_transform": "modules/df_output_transform.html",
    "metadata_routing": "metadata_routing.html",
    "r2_score": "modules/model_evaluation.html#r2-score",
    "sphx_glr_auto_examples_miscellaneous_plot_set_output.py": (
        "auto_examples/miscellaneous/plot_set_output.html"
    ),
}


def link_to_scikit_learn(app, env, node, contnode):
    """Resolve a reference into scikit-learn without its inventory."""
    target = node["reftarget"]
    if node.get("refdomain") == "py" and target.startswith("sklearn."):
        page = f"modules/generated/{target}.html"
    elif node.get("reftype") == "term":
        page = f"glossary.html#term-{target.replace(' ', '-')}"
    elif target in SCIKIT_LEARN_LABELS:
        page = SCIKIT_LEARN_LABELS[target]
    else:
        return None
    return nodes.reference("", "", contnode, refuri=f"{SCIKIT_LEARN}/{page}")


# --- formulas -------------------------------------------------------------------------


def write_formula(translator, node):
    """Write the few formulas of inherited docstrings without MathJax's script."""
    text = re.sub(r"\\frac{(.*?)}{(.*?)}", r"\1 / \2", translator.encode(node.astext()))
    text = re.sub(r"\^(\w)", r"<sup>\1</sup>", text)
    translator.body.append(f"<em>{text}</em>")
    raise nodes.SkipNode


def setup(app):
    app.connect("missing-reference", link_to_scikit_learn)
    app.connect("build-finished", write_digits_code)
    app.add_html_math_renderer("plain", (write_formula, None), (write_formula, None))


# --- how it looks ---------------------------------------------------------------------

html_math_renderer = "plain"
html_theme = "pydata_sphinx_theme"
html_title = "sknn_deep"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {
        "text": f"sknn_deep {version}",
        "alt_text": "sknn_deep, to the landing page",
    },
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "show_nav_level": 2,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    # Two columns of code need the width.
    "secondary_sidebar_items": {
        "**": ["page-toc"],
        "index": [],
        "user_guide/coming_from_keras": [],
        "user_guide/coming_from_skorch": [],
    },
}
html_context = {"default_mode": "auto"}
html_sidebars = {"index": [], "install": [], "changelog": [], "contributing": []}
