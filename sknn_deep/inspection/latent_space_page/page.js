// The page: points on one canvas, what follows the pointer on another.

const $$ = (id) => document.getElementById(id);
const REACH = 12; // CSS pixels within which the pointer takes a point
const STEP = 12; // CSS pixels of an arrow key
const MAX_RATIO = 2; // pixels of a canvas for one of CSS: more cost time, and show nothing
const MARGIN = 0.05; // around the points, as a share of the plane
const SHAPES = [
  (c, r) => c.arc(0, 0, r, 0, 2 * Math.PI),
  (c, r) => c.rect(-0.85 * r, -0.85 * r, 1.7 * r, 1.7 * r),
  (c, r) => polygon(c, r * 1.15, 3, -Math.PI / 2),
  (c, r) => polygon(c, r * 1.15, 4, 0),
  (c, r) => polygon(c, r * 1.15, 3, Math.PI / 2),
  (c, r) => polygon(c, r * 1.1, 5, -Math.PI / 2),
];

function polygon(context, radius, n, start) {
  for (let i = 0; i < n; i++) {
    const angle = start + (2 * Math.PI * i) / n;
    context.lineTo(radius * Math.cos(angle), radius * Math.sin(angle));
  }
  context.closePath();
}

// --- data -----------------------------------------------------------------------------

const TYPES = { float32: Float32Array, uint8: Uint8Array, int32: Int32Array };

async function unpack({ dtype, data }) {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new TYPES[dtype](await new Response(stream).arrayBuffer());
}

// Unpack every array in what Python wrote, however deep.
async function unpackAll(value) {
  if (value === null || typeof value !== "object") return value;
  if ("dtype" in value) return unpack(value);
  if (Array.isArray(value)) return Promise.all(value.map(unpackAll));
  const pairs = Object.entries(value).map(async ([key, item]) => [key, await unpackAll(item)]);
  return Object.fromEntries(await Promise.all(pairs));
}

const row = (array, width, i) => array.subarray(i * width, (i + 1) * width);

function rangeOf(array, offset) {
  let low = Infinity;
  let high = -Infinity;
  for (let i = offset; i < array.length; i += 2) {
    low = Math.min(low, array[i]);
    high = Math.max(high, array[i]);
  }
  const room = (high - low || 1) * MARGIN;
  return [low - room, high + room];
}

// --- the page -------------------------------------------------------------------------

async function start() {
  const data = await unpackAll(JSON.parse($$("data").textContent));
  const page = {
    data,
    hidden: new Set(),
    view: null, // {x: [low, high], y: [low, high]} of the plane
    at: null, // the pointer, in CSS pixels
    size: { width: 1, height: 1, ratio: 1 },
    ink: null, // what the points are drawn with
  };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  page.colors = () => (dark.matches ? data.dark_colors : data.colors);
  page.redraw = coalesce(() => drawAll(page));
  page.follow = coalesce(() => drawPointer(page));
  showWhole(page);
  makeLegend(page);
  listen(page);
  dark.addEventListener("change", () => {
    makeLegend(page);
    mixInk(page);
    page.redraw();
  });
  new ResizeObserver(() => resize(page)).observe($$("plane"));
  resize(page);
  window.page = page;
}

// Draw at most once a frame.
function coalesce(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}

function resize(page) {
  const { width, height } = $$("plane").getBoundingClientRect();
  page.size = { width, height, ratio: Math.min(window.devicePixelRatio || 1, MAX_RATIO) };
  for (const id of ["points", "pointer"]) {
    $$(id).width = Math.round(width * page.size.ratio);
    $$(id).height = Math.round(height * page.size.ratio);
  }
  if (page.at === null) page.at = { x: width / 2, y: height / 2 };
  mixInk(page);
  page.redraw();
}

// --- between the plane and the screen -------------------------------------------------

function showWhole(page) {
  page.view = { x: rangeOf(page.data.points, 0), y: rangeOf(page.data.points, 1) };
}

// Pixels of the screen are (x - left) * right and (top - y) * down.
function scalesOf({ view, size }) {
  return {
    left: view.x[0],
    top: view.y[1],
    right: size.width / (view.x[1] - view.x[0]),
    down: size.height / (view.y[1] - view.y[0]),
  };
}

function toScreen(page, x, y) {
  const { left, top, right, down } = scalesOf(page);
  return [(x - left) * right, (top - y) * down];
}

const toPlane = ({ view, size }, { x, y }) => [
  view.x[0] + (x / size.width) * (view.x[1] - view.x[0]),
  view.y[1] - (y / size.height) * (view.y[1] - view.y[0]),
];

function zoom(page, factor, at) {
  const [x, y] = toPlane(page, at);
  page.view = {
    x: page.view.x.map((edge) => x + (edge - x) * factor),
    y: page.view.y.map((edge) => y + (edge - y) * factor),
  };
  page.redraw();
}

function move(page, dx, dy) {
  const { view, size } = page;
  const x = (dx / size.width) * (view.x[1] - view.x[0]);
  const y = (dy / size.height) * (view.y[1] - view.y[0]);
  page.view = { x: view.x.map((e) => e - x), y: view.y.map((e) => e + y) };
  page.redraw();
}

// --- drawing --------------------------------------------------------------------------

function drawAll(page) {
  drawPoints(page);
  drawPointer(page);
}

function pointRadius({ data, size }) {
  const n = data.points.length / 2;
  return Math.max(2, Math.min(5, Math.sqrt((size.width * size.height) / n) / 4));
}

const sideOf = (radius) => 2 * Math.ceil(1.2 * radius) + 2;

function makeSprite(color, shape, radius) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = sideOf(radius);
  const context = canvas.getContext("2d");
  context.translate(canvas.width / 2, canvas.width / 2);
  context.fillStyle = color;
  context.beginPath();
  SHAPES[shape % SHAPES.length](context, radius);
  context.fill();
  return canvas;
}

const shapeOf = ({ data }, group) => (data.names === null ? 0 : group);

// Written pixel by pixel: a canvas without a GPU takes four times as long for ten thousand
// small images.
function drawPoints(page) {
  const { data, size, hidden, ink } = page;
  const { stamps, side, image, pixels, context } = ink;
  const { width, height } = image;
  pixels.fill(ink.ground);
  const { left, top, right, down } = scalesOf(page);
  for (let i = 0; i < data.groups.length; i++) {
    if (hidden.has(data.groups[i])) continue;
    const x = Math.round((data.points[2 * i] - left) * right * size.ratio - side / 2);
    const y = Math.round((top - data.points[2 * i + 1]) * down * size.ratio - side / 2);
    const isInside = x >= 0 && y >= 0 && x + side <= width && y + side <= height;
    if (isInside) print(stamps[data.groups[i]], pixels, y * width + x);
  }
  context.putImageData(image, 0, 0);
}

// What only the size of the window and its colours decide.
function mixInk(page) {
  const context = $$("points").getContext("2d");
  const { width, height } = $$("points");
  const image = context.createImageData(width, height);
  const radius = pointRadius(page) * page.size.ratio;
  page.ink = {
    context,
    image,
    pixels: new Uint32Array(image.data.buffer),
    ground: asNumber(getComputedStyle(document.body).backgroundColor),
    side: sideOf(radius),
    stamps: page.colors().map((color, g) => makeStamp(color, shapeOf(page, g), radius, width)),
  };
}

// A colour of CSS as the four bytes of a pixel, the red one first in memory.
function asNumber(color) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d");
  context.fillStyle = color;
  context.fillRect(0, 0, 1, 1);
  return new Uint32Array(context.getImageData(0, 0, 1, 1).data.buffer)[0];
}

// The pixels that a point covers, by their distance from its first one, and how much of
// what is below they hide, of 256.
function makeStamp(color, shape, radius, stride) {
  const sprite = makeSprite(color, shape, radius);
  const { width } = sprite;
  const { data } = sprite.getContext("2d").getImageData(0, 0, width, width);
  const shares = Array.from({ length: width * width }, (_, k) => Math.round(data[4 * k + 3] * 0.7));
  const covered = [...shares.keys()].filter((k) => shares[k] > 0);
  return {
    color: asNumber(color),
    offsets: Int32Array.from(covered, (k) => Math.floor(k / width) * stride + (k % width)),
    shares: Int32Array.from(covered, (k) => shares[k]),
  };
}

// Mix a stamp into the pixels from one on, two of the four bytes at once.
function print({ offsets, shares, color }, pixels, start) {
  for (let k = 0; k < offsets.length; k++) {
    const share = shares[k];
    const below = pixels[start + offsets[k]];
    const outer = (below & 0xff00ff) * (256 - share) + (color & 0xff00ff) * share;
    const inner = (below & 0xff00) * (256 - share) + (color & 0xff00) * share;
    pixels[start + offsets[k]] = 0xff000000 | ((outer >>> 8) & 0xff00ff) | ((inner >>> 8) & 0xff00);
  }
}

// Index of the visible point that the pointer is at, or -1.
function nearest(page) {
  const { data, hidden, at } = page;
  const { left, top, right, down } = scalesOf(page);
  let best = -1;
  let bestDistance = REACH ** 2;
  for (let i = 0; i < data.groups.length; i++) {
    if (hidden.has(data.groups[i])) continue;
    const x = (data.points[2 * i] - left) * right;
    const y = (top - data.points[2 * i + 1]) * down;
    const distance = (x - at.x) ** 2 + (y - at.y) ** 2;
    if (distance < bestDistance) {
      best = i;
      bestDistance = distance;
    }
  }
  return best;
}

function drawPointer(page) {
  const { data, size, at } = page;
  const i = nearest(page);
  const [x, y] = i < 0 ? [at.x, at.y] : toScreen(page, ...row(data.points, 2, i));
  const context = $$("pointer").getContext("2d");
  context.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  context.strokeStyle = getComputedStyle(document.body).color;
  context.lineWidth = 2;
  context.beginPath();
  context.arc(x, y, i < 0 ? 4 : 9, 0, 2 * Math.PI);
  context.stroke();
  show(page, i);
}

// --- what is shown beside it ----------------------------------------------------------

function show(page, i) {
  const { data } = page;
  const point = i < 0 ? toPlane(page, page.at) : row(data.points, 2, i);
  const [x, y] = [...point].map((value) => value.toPrecision(4));
  const who = i < 0 ? "No row here" : `Row ${data.rows[i]}${labelOf(data, i)}`;
  $$("where").textContent = `${who}. ${data.axis_names[0]}: ${x}, ${data.axis_names[1]}: ${y}`;
  const original = i < 0 ? null : row(data.originals, data.n_features, i);
  const decoded = decodeAt(data, i, point);
  if (data.image_shape === null) showTable(data, original, decoded);
  else showImages(data, original, decoded);
}

function labelOf(data, i) {
  return data.labels === null ? "" : `, ${data.y_name}: ${data.labels[i]}`;
}

// Between the rows there is a code only where it has two components.
function decodeAt(data, i, point) {
  if (data.layers === null) return null;
  if (data.n_components === 2 && i < 0) return decode(data.layers, inOrder(data, point));
  return i < 0 ? null : decode(data.layers, row(data.codes, data.n_components, i));
}

const inOrder = (data, point) => (data.is_swapped ? [point[1], point[0]] : point);

function showImages(data, original, decoded) {
  // Bytes that span the range of values.
  const { low, high } = data;
  const asByte = (value) => ((value - low) / (high - low)) * 255;
  const images = [
    ["Original", original],
    [original === null ? "Decoded here" : "Reconstruction", decoded && decoded.map(asByte)],
  ];
  $$("shown").replaceChildren(
    ...images.filter(([, pixels]) => pixels !== null).map(([name, pixels]) => {
      const figure = document.createElement("figure");
      const caption = document.createElement("figcaption");
      caption.textContent = name;
      figure.append(makeImage(pixels, data.image_shape), caption);
      return figure;
    }));
}

function makeImage(pixels, [height, width, n_channels = 1]) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) {
      // A Uint8ClampedArray: it rounds, and cuts at 0 and 255.
      image.data[4 * i + c] = pixels[n_channels * i + (n_channels === 1 ? 0 : c)];
    }
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

function showTable(data, original, decoded) {
  const table = document.createElement("table");
  const head = ["", ...(original ? ["Original"] : []), ...(decoded ? ["Decoded"] : [])];
  addRow(table, head, "th");
  if (original || decoded) {
    data.feature_names.forEach((name, j) => {
      const values = [original, decoded].filter(Boolean);
      addRow(table, [name, ...values.map((v) => String(Number(v[j].toPrecision(4))))], "td");
    });
  }
  $$("shown").replaceChildren(table);
}

function addRow(table, texts, kind) {
  const tr = table.insertRow();
  texts.forEach((text, j) => {
    const cell = document.createElement(j === 0 ? "th" : kind);
    cell.textContent = text;
    tr.append(cell);
  });
}

// --- legend ---------------------------------------------------------------------------

function makeLegend(page) {
  const { data } = page;
  $$("legend-title").textContent = data.y_name;
  if (data.names !== null) {
    $$("legend").replaceChildren(...data.names.map((name, g) => makeSwitch(page, name, g)));
  } else if (data.ends !== null) {
    $$("legend").replaceChildren(makeScale(page));
  }
}

function makeSwitch(page, name, group) {
  const button = document.createElement("button");
  const text = document.createElement("span");
  text.textContent = name;
  const sprite = makeSprite(page.colors()[group], shapeOf(page, group), 13);
  button.append(sprite, text);
  button.setAttribute("aria-pressed", String(!page.hidden.has(group)));
  button.addEventListener("click", () => {
    if (!page.hidden.delete(group)) page.hidden.add(group);
    button.setAttribute("aria-pressed", String(!page.hidden.has(group)));
    page.redraw();
  });
  return button;
}

function makeScale(page) {
  const scale = document.createElement("div");
  scale.className = "scale";
  const bar = document.createElement("canvas");
  const colors = page.colors();
  bar.width = colors.length;
  bar.height = 1;
  colors.forEach((color, i) => {
    bar.getContext("2d").fillStyle = color;
    bar.getContext("2d").fillRect(i, 0, 1, 1);
  });
  const ends = document.createElement("div");
  ends.append(...page.data.ends.map((text) => {
    const span = document.createElement("span");
    span.textContent = text;
    return span;
  }));
  scale.append(bar, ends);
  return scale;
}

// --- pointer, keyboard, touch ---------------------------------------------------------

function listen(page) {
  const canvas = $$("pointer");
  const held = new Map(); // pointers that are down, by their id
  const place = (event) => {
    const { left, top } = canvas.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  canvas.addEventListener("pointerdown", (event) => {
    held.set(event.pointerId, place(event));
    canvas.setPointerCapture(event.pointerId);
    page.at = place(event);
    page.follow();
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = place(event);
    const before = held.get(event.pointerId);
    if (held.size === 2 && before) pinch(page, held, event.pointerId, now);
    else if (before && event.pointerType === "mouse") move(page, now.x - before.x, now.y - before.y);
    if (before) held.set(event.pointerId, now);
    if (held.size < 2) page.at = now;
    page.follow();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => held.delete(event.pointerId));
  }
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(page, Math.exp(event.deltaY * 0.0015), place(event));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => onKey(page, event));
  $$("in").addEventListener("click", () => zoom(page, 1 / 1.5, page.at));
  $$("out").addEventListener("click", () => zoom(page, 1.5, page.at));
  $$("all").addEventListener("click", () => {
    showWhole(page);
    page.redraw();
  });
}

// Two fingers: what was between them stays between them.
function pinch(page, held, id, now) {
  const before = held.get(id);
  const [other] = [...held].filter(([key]) => key !== id).map(([, place]) => place);
  const middle = (a) => ({ x: (a.x + other.x) / 2, y: (a.y + other.y) / 2 });
  const distance = (a) => Math.hypot(a.x - other.x, a.y - other.y) || 1;
  move(page, middle(now).x - middle(before).x, middle(now).y - middle(before).y);
  zoom(page, distance(before) / distance(now), middle(now));
}

function onKey(page, event) {
  const step = event.shiftKey ? 2 : STEP;
  const steps = {
    ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step],
  };
  if (event.key in steps) {
    const [dx, dy] = steps[event.key];
    page.at = {
      x: clip(page.at.x + dx, 0, page.size.width),
      y: clip(page.at.y + dy, 0, page.size.height),
    };
    page.follow();
  } else if (event.key === "+" || event.key === "=") {
    zoom(page, 1 / 1.5, page.at);
  } else if (event.key === "-") {
    zoom(page, 1.5, page.at);
  } else if (event.key === "0") {
    showWhole(page);
    page.redraw();
  } else {
    return;
  }
  event.preventDefault();
}

start();
