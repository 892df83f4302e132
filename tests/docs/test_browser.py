"""The site in a browser: `python -m pytest tests/docs`."""

import pytest

DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
ESTIMATORS = ["MLPClassifier", "MLPRegressor", "AutoencoderTransformer"]

# What a reader looks for: the card on the landing page, and what its page must show.
CARDS = {
    "Install it without CUDA": "--index-url https://download.pytorch.org/whl/cpu",
    "Stop on my validation data": "X_val=X_val, y_val=y_val",
    "Put an autoencoder before TSNE": "make_pipeline(autoencoder, TSNE(",
    "Fit a table as it is": "TabularMLPRegressor(random_state=0)",
    "Tables as they are": "What happens to the columns",
    "A search trained as one run": "BatchedGridSearchCV(",
    "A map with a way in and a way back": "NeighborAutoencoder(",
    "Draw a map that takes new rows": "NeighborAutoencoder(",
    "Bring my own network": "NetClassifier(",
    "Put a fitted Pipeline somewhere else": "to_onnx(",
    "Run a search on a GPU": "A search on a GPU",
    "Search with Optuna": "BatchedOptunaSearchCV(",
    "Save without pickle": "sknn_deep.save(",
}

# Relative luminance and contrast of WCAG 2.1, https://www.w3.org/TR/WCAG21/#contrast-minimum
CONTRAST = """
() => {
  const channels = (text) => text.match(/[0-9.]+/g).slice(0, 3).map(Number);
  const luminance = (text) => {
    const [r, g, b] = channels(text).map((c) => {
      c /= 255;
      return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(document.querySelector("article"));
  const ground = getComputedStyle(document.body).backgroundColor;
  const [low, high] = [luminance(style.color), luminance(ground)].sort((a, b) => a - b);
  return { ground: luminance(ground), contrast: (high + 0.05) / (low + 0.05) };
}
"""
# Pictures further down are loaded when they come into view, or now.
LOAD_IMAGES = """
() => Promise.allSettled([...document.images].map((image) => {
  image.loading = "eager";
  return image.decode();
}))
"""
BROKEN_IMAGES = """
() => [...document.images]
  .filter((image) => image.checkVisibility() && !image.naturalWidth)
  .map((image) => image.src)
"""
# Text beyond the right edge; code and tables have bars to scroll them.
CUT_OFF = """
() => [...document.querySelectorAll("article *, .bd-sidebar-secondary *, nav, footer")]
  .filter((element) => !element.closest("pre, table, .highlight"))
  .filter((element) => element.getBoundingClientRect().right > window.innerWidth + 1)
  .map((element) => element.tagName + ": " + element.textContent.slice(0, 60))
"""


@pytest.fixture
def open_page(browser, address):
    """A function that opens a page, and notes what goes wrong there."""
    contexts = []

    def open_page(path, **options):
        context = browser.new_context(**DESKTOP | options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.troubles = []
        watch(page, address)
        visit(page, f"{address}/{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()


def watch(page, address):
    """Note errors of the console and of scripts, failed requests, and foreign ones."""

    def answered(response):
        if response.status >= 400:
            page.troubles.append(f"{response.status}: {response.url}")

    def asked(request):
        if not request.url.startswith((address, "data:")):
            page.troubles.append(f"not on this site: {request.url}")

    def said(message):
        if message.type in ("error", "warning"):
            page.troubles.append(f"console: {message.text}")

    page.on("console", said)
    page.on("pageerror", lambda error: page.troubles.append(f"script: {error}"))
    page.on("response", answered)
    page.on("request", asked)


def visit(page, url):
    page.goto(url, wait_until="load")
    page.evaluate(LOAD_IMAGES)


def test_every_page_loads_whole_and_fits_a_desktop_and_a_phone(
    site, address, open_page
):
    paths = sorted(str(path.relative_to(site)) for path in site.rglob("*.html"))
    paths = [path for path in paths if not path.startswith("_")]
    assert len(paths) > 20
    page = open_page(paths[0])

    for path in paths:
        for screen in (DESKTOP, PHONE):
            page.set_viewport_size(screen["viewport"])
            if screen is DESKTOP:
                visit(page, f"{address}/{path}")
                pictures = page.evaluate(BROKEN_IMAGES)
                page.troubles += [f"no picture: {name} on {path}" for name in pictures]
            cut = page.evaluate(CUT_OFF)
            page.troubles += [f"cut off: {text!r} on {path}" for text in cut]

    assert page.troubles == []


@pytest.mark.parametrize("name", ESTIMATORS)
def test_search_finds_the_estimator(name, open_page):
    page = open_page(f"search.html?q={name}")

    page.wait_for_selector("#search-results li a")
    links = page.eval_on_selector_all(
        "#search-results li a", "links => links.map((link) => link.href)"
    )

    assert any(f"generated/sknn_deep.{name}.html" in link for link in links[:5]), links


def test_search_opens_from_any_page_by_its_button(open_page):
    page = open_page("user_guide/first_model.html")

    page.locator("button.search-button-field").first.click()
    page.locator("input[type=search]:visible").fill("one_cycle")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")

    assert "search.html?q=one_cycle" in page.url
    assert page.troubles == []


def test_menu_leads_through_the_site_on_a_phone(open_page):
    page = open_page("index.html", **PHONE)

    menu = page.get_by_role("link", name="User guide")
    assert not menu.first.is_visible()
    page.locator("button.primary-toggle").click()
    page.locator("dialog").get_by_role("link", name="User guide").first.click()
    page.wait_for_url("**/user_guide/index.html")
    page.locator("button.primary-toggle").click()
    page.locator("dialog").get_by_role("link", name="A first model").first.click()
    page.wait_for_url("**/user_guide/first_model.html")

    assert page.locator("h1").inner_text().startswith("A first model")


def test_tables_of_the_reference_need_no_bar_on_a_phone(open_page):
    page = open_page("api.html", **PHONE)

    hidden = page.eval_on_selector_all(
        ".pst-scrollable-table-container",
        "tables => tables.map((table) => table.scrollWidth - table.clientWidth)",
    )

    assert len(hidden) > 5
    assert set(hidden) == {0}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colors_follow_the_system_and_can_be_read(scheme, open_page):
    page = open_page("user_guide/first_model.html", color_scheme=scheme)

    colors = page.evaluate(CONTRAST)

    assert (colors["ground"] < 0.2) == (scheme == "dark")
    assert colors["contrast"] > 7


def test_button_changes_from_light_to_dark(open_page):
    page = open_page("index.html", color_scheme="light")

    page.locator(
        "button.theme-switch-button, .theme-switch-button button"
    ).first.click()
    page.locator(
        "[data-mode=dark]:visible, [data-bs-theme-value=dark]:visible"
    ).first.click()

    assert page.evaluate(CONTRAST)["ground"] < 0.2


@pytest.mark.parametrize("card", CARDS)
def test_landing_page_leads_to_what_readers_look_for(card, open_page):
    page = open_page("index.html")

    page.locator(".sd-card", has_text=card).click()
    page.wait_for_load_state("load")

    assert not page.url.endswith("index.html")
    assert CARDS[card] in page.locator("article").inner_text()


def test_gallery_shows_a_code_to_walk_through(open_page):
    page = open_page("auto_examples/index.html")

    frame = page.frame_locator("iframe.digits-code")
    frame.locator("#legend button").first.wait_for()

    assert frame.locator("#legend button").all_inner_texts() == list("0123456789")
    assert frame.locator("#shown canvas").count() > 0
    assert page.troubles == []


def test_landing_page_leads_to_a_code_to_walk_through(open_page):
    page = open_page("index.html")

    page.get_by_role("link", name="Walk through such a map").click()
    page.wait_for_function("window.page !== undefined")

    assert page.url.endswith("digits_code.html")
    assert page.troubles == []
