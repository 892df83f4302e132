"""A page to walk through codes, in a browser: pointer, keys and fingers."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sknn_deep import AutoencoderTransformer
from sknn_deep.inspection import latent_space_to_html

X, Y = load_digits(return_X_y=True)
X = X / 16

SCREENS = {
    "desktop": {"viewport": {"width": 1200, "height": 800}},
    "desktop, dark": {
        "viewport": {"width": 1200, "height": 800},
        "color_scheme": "dark",
    },
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 3,
        "has_touch": True,
        "is_mobile": True,
    },
    "phone, dark": {
        "viewport": {"width": 390, "height": 844},
        "color_scheme": "dark",
        "has_touch": True,
    },
}


@pytest.fixture(scope="module")
def autoencoder():
    autoencoder = AutoencoderTransformer(
        hidden_layer_sizes=(64, 16),
        learning_rate="one_cycle",
        max_iter=20,
        random_state=0,
    )
    return autoencoder.fit(X)


@pytest.fixture(scope="module")
def address(autoencoder, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "digits.html"
    latent_space_to_html(autoencoder, X, path, Y, y_name="digit")
    return path.as_uri()


def note(said, complaints):
    # Warnings come of reading a canvas twice, which only these tests do.
    if said.type == "error":
        complaints.append(said.text)


@pytest.fixture(params=SCREENS)
def page(request, browser, address):
    context = browser.new_context(**SCREENS[request.param])
    page = context.new_page()
    complaints = []
    page.on("console", lambda said: note(said, complaints))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url))
    page.goto(address)
    page.wait_for_function("window.page !== undefined && window.page.size.width > 1")
    yield page
    # The page itself is the only file that was asked for.
    assert complaints == [address]
    context.close()


def settle(page):
    """Wait until what was asked for is drawn."""
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame("
        "() => requestAnimationFrame(done)))"
    )


def place_of(page, row):
    """Give where a row is drawn, from the corner of the window."""
    box = page.locator("#pointer").bounding_box()
    x, y = page.evaluate(
        "(i) => toScreen(page, page.data.points[2 * i], page.data.points[2 * i + 1])",
        row,
    )
    return box["x"] + x, box["y"] + y


def point_at(page, x, y):
    if page.evaluate("navigator.maxTouchPoints > 0"):
        page.touchscreen.tap(x, y)
    else:
        page.mouse.move(x, y)
    settle(page)


def count_drawn(page):
    """Count the pixels that are no ground."""
    return page.evaluate("""() => {
      const { width, height } = $$("points");
      const { data } = $$("points").getContext("2d").getImageData(0, 0, width, height);
      const pixels = new Uint32Array(data.buffer);
      return pixels.reduce((n, pixel) => n + (pixel !== pixels[0]), 0);
    }""")


def test_a_point_shows_its_row(page, autoencoder):
    # One that stands alone: no other is nearer to the pointer.
    codes = autoencoder.transform(X)
    row = int(np.argmax(codes[:, 0]))

    point_at(page, *place_of(page, row))

    assert page.inner_text("#where").startswith(f"Row {row}, digit: {Y[row]}.")
    assert page.locator("#shown figcaption").all_inner_texts() == [
        "Original",
        "Reconstruction",
    ]
    pixels = page.evaluate("""() => [...document.querySelector("#shown canvas")
      .getContext("2d").getImageData(0, 0, 8, 8).data].filter((_, i) => i % 4 === 0)""")
    assert np.abs(np.array(pixels) / 255 - X[row]).max() < 0.5 / 255 + 1e-9


def test_anywhere_else_the_place_is_decoded(page, autoencoder):
    box = page.locator("#pointer").bounding_box()
    x, y = box["x"] + box["width"] - 3, box["y"] + box["height"] - 3

    point_at(page, x, y)

    assert page.inner_text("#where").startswith("No row here.")
    assert page.locator("#shown figcaption").all_inner_texts() == ["Decoded here"]
    code = page.evaluate("() => toPlane(page, page.at)")
    decoded = page.evaluate("(code) => [...decode(page.data.layers, code)]", code)
    expected = autoencoder.inverse_transform([code])[0]
    np.testing.assert_allclose(decoded, expected, rtol=0, atol=1e-4)


def test_legend_switches_classes(page):
    before = count_drawn(page)
    switch = page.locator("#legend button").nth(3)
    assert switch.get_attribute("aria-pressed") == "true"

    switch.click()
    settle(page)
    without = count_drawn(page)

    assert switch.get_attribute("aria-pressed") == "false"
    assert 0.7 * before < without < 0.97 * before
    switch.focus()
    page.keyboard.press("Enter")
    settle(page)
    assert count_drawn(page) == before


def test_keys_move_and_zoom(page):
    page.locator("#pointer").focus()
    width = "page.view.x[1] - page.view.x[0]"
    whole = page.evaluate(width)
    at = page.evaluate("page.at.x")

    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert page.evaluate("page.at.x") == pytest.approx(at + 14)
    page.keyboard.press("+")
    assert page.evaluate(width) == pytest.approx(whole / 1.5)
    page.keyboard.press("-")
    page.keyboard.press("-")
    assert page.evaluate(width) == pytest.approx(whole * 1.5)
    page.keyboard.press("0")
    assert page.evaluate(width) == pytest.approx(whole)


def test_wheel_zooms_about_the_pointer_and_a_drag_moves(page):
    if page.evaluate("navigator.maxTouchPoints > 0"):
        pytest.skip("no mouse")
    box = page.locator("#pointer").bounding_box()
    x, y = round(box["x"] + 200), round(box["y"] + 150)
    page.mouse.move(x, y)
    settle(page)
    before = page.evaluate("toPlane(page, page.at)")

    page.mouse.wheel(0, -300)
    settle(page)

    assert page.evaluate("toPlane(page, page.at)") == pytest.approx(before)
    page.mouse.down()
    page.mouse.move(x + 80, y + 40, steps=4)
    page.mouse.up()
    settle(page)
    assert page.evaluate("toPlane(page, page.at)") == pytest.approx(before)


def test_two_fingers_zoom(page):
    if not page.evaluate("navigator.maxTouchPoints > 0"):
        pytest.skip("no touch")
    width = "page.view.x[1] - page.view.x[0]"
    whole = page.evaluate(width)
    session = page.context.new_cdp_session(page)
    box = page.locator("#pointer").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def touch(kind, *distances):
        points = [{"x": x + d, "y": y, "id": i} for i, d in enumerate(distances)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", -40)
    touch("touchStart", -40, 40)
    for distance in (50, 60, 80):
        touch("touchMove", -distance, distance)
    touch("touchEnd")
    settle(page)

    assert page.evaluate(width) == pytest.approx(whole / 2, rel=0.05)


def test_nothing_is_wider_than_the_window(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_frame_is_quick(page):
    """16 ms are asked of one core; a busy machine is given three times as long."""
    times = page.evaluate("""() => Array.from({ length: 15 }, (_, i) => {
      const start = performance.now();
      page.at = { x: 50 + 10 * i, y: 200 };
      drawPointer(page);
      return performance.now() - start;
    })""")
    assert np.median(times) < 48
