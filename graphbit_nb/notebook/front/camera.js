// What part of the drawing is seen, and how large: fit, zoom, pan. Knows sizes and the pointer, nothing of nodes.

const FARTHEST = 0.15; // or as far as it takes to see all of a drawing
const NEAREST = 3;
const MARGIN = 8; // px around the drawing at fit
const KEPT = 48; // px of the drawing that stay in sight however far it is panned
const DRAG = 4; // px that a pointer moves before it is more than a click
const STEP = 1.25;
const GLIDE_MS = 280;
const LEAST_SCALE = { full: 10 / 11, compact: 10 / 12 }; // at fit no line of text is below 10 px

/**
 * @param svg the drawing's root, as large as the stage; its `.gb-view` is moved.
 * @param told called when the scale changes or the drawing was moved.
 */
export function makeCamera(svg, told) {
  let size = { w: 1, h: 1, density: "full", rankdir: "TB" };
  let port = { w: 0, h: 0 };
  let at = { x: 0, y: 0, k: 1 };
  let isByHand = false; // whether a person has chosen what is seen
  let drag = null;
  let glideTimer = 0;
  let isClickDead = false;

  function write(next, isGliding) {
    at = next;
    const view = svg.querySelector(".gb-view");
    clearTimeout(glideTimer);
    if (isGliding) {
      svg.setAttribute("data-glide", "");
      glideTimer = setTimeout(() => svg.removeAttribute("data-glide"), GLIDE_MS);
    } else svg.removeAttribute("data-glide");
    if (view) view.style.transform = `translate(${at.x}px, ${at.y}px) scale(${at.k})`;
    svg.toggleAttribute("data-pans", !fitsIn(at.k));
    told();
  }

  const fitsIn = (k) => size.w * k <= port.w + 1 && size.h * k <= port.h + 1;

  function fitScale() {
    const room = Math.min(1, (port.w - 2 * MARGIN) / size.w, (roomBelow() - 2 * MARGIN) / size.h);
    return Math.max(room, LEAST_SCALE[size.density] ?? 1);
  }

  // The stage grows with the drawing up to a height; a drawing is not made small to save height as long as it does.
  const roomBelow = () => Math.max(port.h, tallest());

  function fit(isGliding = true) {
    const k = fitScale();
    const wide = size.w * k;
    const high = size.h * k;
    const isTooWide = wide > port.w;
    const isLR = size.rankdir === "LR";
    const x = !isTooWide ? (port.w - wide) / 2 : isLR ? MARGIN : around(middleAt(size.start?.x, size.start?.w) * k, wide, port.w);
    const y = high > port.h && isLR ? around(middleAt(size.start?.y, size.start?.h) * k, high, port.h)
      : high > port.h || !isLR ? MARGIN : Math.min((port.h - high) / 2, 3 * MARGIN);
    isByHand = false;
    write({ x, y, k }, isGliding);
  }

  function zoomAt(k, x, y, isGliding = false) {
    const whole = Math.min((port.w - 2 * MARGIN) / size.w, (port.h - 2 * MARGIN) / size.h);
    const scale = within(k, Math.min(FARTHEST, whole), NEAREST);
    const by = scale / at.k;
    isByHand = true;
    write(filled({ x: x - (x - at.x) * by, y: y - (y - at.y) * by, k: scale }), isGliding);
  }

  const zoomMiddle = (k) => zoomAt(k, port.w / 2, port.h / 2, true);

  function pan(dx, dy) {
    isByHand = true;
    write(held({ ...at, x: at.x + dx, y: at.y + dy }), false);
  }

  /** Leaves no room empty that the drawing could fill: it would shrink away from where one looks. */
  function filled({ x, y, k }) {
    return { k, x: aligned(x, size.w * k, port.w), y: aligned(y, size.h * k, port.h) };
  }

  function held({ x, y, k }) {
    return { k, x: within(x, KEPT - size.w * k, port.w - KEPT), y: within(y, KEPT - size.h * k, port.h - KEPT) };
  }

  /** Brings a box of the drawing into sight, in the middle if asked, else by as little as it takes. */
  function show(box, { centre = false } = {}) {
    const { x, y, w, h } = onStage(box);
    const away = (from, long, room, whole) => {
      if (centre && whole * at.k > room) return room / 2 - (from + long / 2);
      if (from < 2 * MARGIN) return 2 * MARGIN - from;
      return Math.min(0, room - 2 * MARGIN - (from + long));
    };
    const dx = away(x, w, port.w, size.w);
    const dy = away(y, h, port.h, size.h);
    if (Math.abs(dx) < 1 && Math.abs(dy) < 1) return;
    write(held({ ...at, x: at.x + dx, y: at.y + dy }), true);
  }

  /** Takes the size of a new drawing and of the stage; what was not zoomed or panned by hand is fitted again. */
  function setSize(next, isGliding) {
    size = next;
    port.h = Math.max(port.h, wantedHeight(port.w)); // as high as the stage will be in a moment
    if (isByHand) write(held(at), isGliding);
    else fit(isGliding);
  }

  function setPort(w, h) {
    port = { w, h: Math.max(h, wantedHeight(w)) };
    if (isByHand) write(held(at), false);
    else fit(false);
  }

  /** A box of the drawing in px of the stage. */
  const onStage = ({ x, y, w, h }) => ({ x: x * at.k + at.x, y: y * at.k + at.y, w: w * at.k, h: h * at.k });

  /** The height that the drawing wants in a stage of this width. */
  function wantedHeight(width) {
    const k = Math.max(Math.min(1, (width - 2 * MARGIN) / size.w), LEAST_SCALE[size.density] ?? 1);
    return Math.round(Math.min(size.h * k + 2 * MARGIN, tallest()));
  }

  const corner = (event) => {
    const box = svg.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  function wheel(event) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 16 : 1;
      zoomAt(at.k * Math.exp(-within(event.deltaY * lines, -60, 60) * 0.008), ...corner(event));
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) && size.w * at.k > port.w) {
      event.preventDefault(); // sideways there is nothing else to scroll
      pan(-event.deltaX, 0);
    }
  }

  function down(event) {
    isClickDead = false;
    if (event.button === 0 && event.isPrimary) drag = { id: event.pointerId, x: event.clientX, y: event.clientY, isOn: false };
  }

  function move(event) {
    if (!drag || event.pointerId !== drag.id) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.isOn) {
      if (Math.hypot(dx, dy) < DRAG) return;
      drag.isOn = true;
      svg.setPointerCapture(event.pointerId);
      svg.setAttribute("data-drag", "");
    }
    pan(dx, dy);
    drag.x = event.clientX;
    drag.y = event.clientY;
  }

  function up(event) {
    if (!drag || event.pointerId !== drag.id) return;
    isClickDead = drag.isOn;
    svg.removeAttribute("data-drag");
    drag = null;
  }

  function swallow(event) {
    if (!isClickDead) return;
    isClickDead = false;
    event.stopPropagation();
  }

  svg.addEventListener("wheel", wheel, { passive: false });
  svg.addEventListener("pointerdown", down);
  svg.addEventListener("pointermove", move);
  svg.addEventListener("pointerup", up);
  svg.addEventListener("pointercancel", up);
  svg.addEventListener("click", swallow, true);

  return {
    fit, show, setSize, setPort, wantedHeight, onStage,
    isByHand: () => isByHand,
    /** The part of the drawing that is in sight, or null while there is no stage. */
    seen: () => (port.w > 0 ? { x: -at.x / at.k, y: -at.y / at.k, w: port.w / at.k, h: port.h / at.k } : null),
    zoomIn: () => zoomMiddle(at.k * STEP),
    zoomOut: () => zoomMiddle(at.k / STEP),
    actual: () => zoomMiddle(1),
    scale: () => at.k,
    destroy: () => clearTimeout(glideTimer),
  };
}

/** The most px of height that a stage takes: the notebook goes on below. A window may grow with its content; a screen does not. */
function tallest() {
  return within(window.screen.availHeight * 0.65, 400, 720);
}

function within(value, least, most) {
  return Math.max(Math.min(least, most), Math.min(Math.max(least, most), value));
}

/** Where a drawing begins that is as long as this: at the middle of its room, or anywhere so that it goes through it. */
function aligned(from, long, room) {
  return long <= room ? (room - long) / 2 : within(from, room - long - MARGIN, MARGIN);
}

const middleAt = (from = 0, long = 0) => from + long / 2;

/** Where a drawing that is longer than its room begins, so that a place in it is in the middle, as far as it reaches. */
function around(place, long, room) {
  return within(room / 2 - place, room - long - MARGIN, MARGIN);
}
