// The page as it came is readable as it stands; this lays its words over the pictures and answers
// to search, selection, keys and buttons. All text goes in as text, never as markup.

const $ = (id) => document.getElementById(id);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

const viewer = $("viewer");
const sheets = all(".sheet");
const words = all(".word");
const printed = all("aside .line"); // the text beside the pages, a line for a line

// A line: its elements over the picture and in the text; its words' text nodes, and where in the
// line each begins.
const lines = all(".words .line").map((element, k) => {
  const line = { element, printed: printed[k], words: [] };
  let start = 0;
  for (const word of element.children) {
    line.words.push({ node: word.firstChild, start });
    start += word.firstChild.length + 1;
  }
  return line;
});
const lineOf = new Map();
for (const line of lines) {
  lineOf.set(line.printed, line).set(line.element, line);
}

// Words in their places

const FONT_HEIGHT = 100; // as the style sheet sets words
const ruler = document.createElement("canvas").getContext("2d");
ruler.font = `${FONT_HEIGHT}px sans-serif`;

/** Bring a word's box into its quad: the parallelogram with the quad's mean sides and centre. */
function place(word) {
  const [x0, y0, x1, y1, x2, y2, x3, y3] = word.dataset.quad.split(" ").map(Number);
  const along = [(x1 - x0 + x2 - x3) / 2, (y1 - y0 + y2 - y3) / 2];
  const across = [(x3 - x0 + x2 - x1) / 2, (y3 - y0 + y2 - y1) / 2];
  const left = (x0 + x1 + x2 + x3) / 4 - (along[0] + across[0]) / 2;
  const top = (y0 + y1 + y2 + y3) / 4 - (along[1] + across[1]) / 2;
  const width = Math.max(ruler.measureText(word.textContent).width, 1);
  const matrix = [...along.map((v) => v / width), ...across.map((v) => v / FONT_HEIGHT)];
  word.style.transform = `matrix(${[...matrix, left, top]})`;
  word.tabIndex = -1;
}

words.forEach(place);

// How sure they are: counts in the legend, and underlines beside the pages

const rangeOf = (node, start, end) => {
  const range = document.createRange();
  range.setStart(node, start);
  range.setEnd(node, end);
  return range;
};

for (const number of all("[data-level]")) {
  const level = number.dataset.level;
  const ranges = lines.flatMap((line) =>
    line.words
      .filter(({ node }) => node.parentElement.classList.contains(level))
      .map(({ node, start }) => rangeOf(line.printed.firstChild, start, start + node.length)),
  );
  number.textContent = ranges.length;
  CSS.highlights.set(level, new Highlight(...ranges));
}

// Zoom. What is in the middle of the view stays there, whatever changes its size.

const widthOf = (sheet) => Number(sheet.querySelector("img").getAttribute("width"));
let middle = 0; // of the view, as a share of the whole height

viewer.addEventListener("scroll", () => {
  middle = (viewer.scrollTop + viewer.clientHeight / 2) / viewer.scrollHeight;
  showNumber();
});

for (const sheet of sheets) {
  sheet.style.setProperty("--width", `${widthOf(sheet)}px`);
}

function fit() {
  for (const sheet of sheets) {
    sheet.style.setProperty("--zoom", sheet.clientWidth / widthOf(sheet));
  }
  if (viewer.scrollTop > 0) {
    viewer.scrollTop = middle * viewer.scrollHeight - viewer.clientHeight / 2;
  }
}

const observer = new ResizeObserver(fit);
[viewer, ...sheets].forEach((element) => observer.observe(element));

// Going places

const calm = matchMedia("(prefers-reduced-motion: reduce)");

function reveal(element, block = "center") {
  const behavior = calm.matches ? "instant" : "smooth";
  element.scrollIntoView({ behavior, block, inline: "nearest" });
}

/** Mark a line in both places. */
function mark(line) {
  all(".current").forEach((element) => element.classList.remove("current"));
  line.element.classList.add("current");
  line.printed.classList.add("current");
}

/** The first page that fills much of the view, or that is there in large part. */
function pageNumber() {
  const top = viewer.scrollTop;
  const height = viewer.clientHeight;
  const index = sheets.findIndex(({ parentElement: page }) => {
    const end = page.offsetTop + page.offsetHeight;
    const seen = Math.min(end, top + height) - Math.max(page.offsetTop, top);
    return seen > 0.4 * Math.min(page.offsetHeight, height);
  });
  return Math.max(index, 0) + 1;
}

function showNumber() {
  if (!$("number")) return;
  const number = pageNumber();
  if (document.activeElement !== $("number")) $("number").value = number;
  $("previous-page").disabled = number === 1;
  $("next-page").disabled = number === sheets.length;
}

function goToPage(number) {
  const index = Math.min(Math.max(number || 1, 1), sheets.length) - 1;
  reveal(sheets[index].parentElement, "start");
  reveal($("text").children[index], "start");
}

if ($("number")) {
  $("previous-page").onclick = () => goToPage(pageNumber() - 1);
  $("next-page").onclick = () => goToPage(pageNumber() + 1);
  $("number").onchange = (event) => {
    goToPage(parseInt(event.target.value, 10));
    event.target.blur();
  };
  showNumber();
}

$("text").addEventListener("click", (event) => {
  const line = lineOf.get(event.target.closest(".line"));
  if (line && getSelection().isCollapsed) {
    mark(line);
    reveal(line.element.firstElementChild);
  }
});

viewer.addEventListener("click", (event) => {
  const line = lineOf.get(event.target.closest(".line"));
  if (!line) return;
  mark(line);
  reveal(line.printed, "nearest");
  if (event.detail === 3) {
    const last = line.words.at(-1).node;
    getSelection().setBaseAndExtent(line.words[0].node, 0, last, last.length);
  }
});

// Keys: Tab enters the words of a page, and the lines of text, once; arrows walk in them.

/** Let arrows walk in a list of elements; `turn` moves by lines where the list has smaller parts. */
function walk(list, within, turn) {
  if (list.length === 0) return;
  list.forEach((element) => (element.tabIndex = -1));
  list[0].tabIndex = 0;
  within.addEventListener("focusin", (event) => {
    if (!list.includes(event.target)) return;
    list.forEach((element) => (element.tabIndex = element === event.target ? 0 : -1));
  });
  within.addEventListener("keydown", (event) => {
    const at = list.indexOf(event.target);
    const target = at >= 0 && list[turn(at, event.key)];
    if (!target) return;
    event.preventDefault();
    target.focus({ preventScroll: true });
    reveal(target, "nearest");
  });
}

const step = (key, back, on) => (key === back ? -1 : key === on ? 1 : NaN);

for (const sheet of sheets) {
  const here = all(".word", sheet);
  const starts = all(".line", sheet).map((line) => here.indexOf(line.firstElementChild));
  walk(here, sheet, (at, key) => {
    const line = starts.findLastIndex((start) => start <= at);
    const aside = at + step(key, "ArrowLeft", "ArrowRight");
    return here[aside] ? aside : starts[line + step(key, "ArrowUp", "ArrowDown")];
  });
}
walk(printed, $("text"), (at, key) => at + step(key, "ArrowUp", "ArrowDown"));

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.matches("[type=search], [type=text]")) {
    event.preventDefault();
    $("query").select();
  } else if (event.key === "Enter" && lineOf.has(event.target)) {
    event.target.click();
  }
});

// What a word says, and how sure it is

const tip = $("tip");

function explain(word) {
  tip.hidden = !word;
  if (!word) return;
  const sure = document.createElement("b");
  sure.textContent = `${Math.round(100 * word.dataset.confidence)} %`;
  tip.replaceChildren(word.textContent, " ", sure);
  const box = word.getBoundingClientRect();
  const left = box.left + (box.width - tip.offsetWidth) / 2;
  const above = box.top - tip.offsetHeight - 6;
  tip.style.left = `${Math.min(Math.max(left, 4), innerWidth - tip.offsetWidth - 4)}px`;
  tip.style.top = `${above > 4 ? above : box.bottom + 6}px`;
}

viewer.addEventListener("pointerover", (event) => explain(event.target.closest(".word")));
viewer.addEventListener("pointerleave", () => explain(null));
viewer.addEventListener("scroll", () => explain(viewer.querySelector(".word:focus-visible")));
viewer.addEventListener("focusin", (event) => {
  const word = event.target.closest(".word");
  explain(word);
  word?.setAttribute("aria-describedby", "tip");
});
viewer.addEventListener("focusout", () => explain(null));

// Selection

// The browser selects only while the pointer is on a word. Between them, the nearest one is meant.
document.addEventListener("pointermove", (event) => {
  const { anchorNode } = getSelection();
  const sheet = anchorNode?.parentElement?.closest(".words")?.closest(".sheet");
  const dragged = sheet && event.pointerType === "mouse" && event.buttons === 1;
  if (!dragged || event.target.closest(".word")) return;
  const { left, top } = sheet.getBoundingClientRect();
  const zoom = sheet.clientWidth / widthOf(sheet);
  const point = new DOMPoint((event.clientX - left) / zoom, (event.clientY - top) / zoom);
  let nearest = Infinity;
  let end = null;
  for (const word of all(".word", sheet)) {
    const { x, y } = new DOMMatrix(word.style.transform).inverse().transformPoint(point);
    const width = word.offsetWidth;
    // Beside a line it is that line's word that counts, not a nearer one above it.
    const aside = Math.max(-x, 0, x - width);
    const distance = Math.hypot(aside, 10 * Math.max(-y, 0, y - FONT_HEIGHT));
    if (distance < nearest) {
      nearest = distance;
      end = [word.firstChild, x < width / 2 ? 0 : word.firstChild.length];
    }
  }
  if (end) getSelection().extend(...end);
});

/** What is selected of the words, as lines; "" if nothing is. */
function selectedText(range) {
  let text = "";
  let last = null;
  for (const line of lines) {
    if (!range.intersectsNode(line.element)) continue;
    for (const { node } of line.words) {
      if (!range.intersectsNode(node)) continue;
      const start = node === range.startContainer ? range.startOffset : 0;
      const end = node === range.endContainer ? range.endOffset : node.length;
      if (start === end) continue;
      text += (last ? gap(last, line) : "") + node.data.slice(start, end);
      last = line;
    }
  }
  return text;
}

const gap = (a, b) =>
  a === b ? " " : a.printed.parentElement === b.printed.parentElement ? "\n" : "\n\n";

document.addEventListener("copy", (event) => {
  const selection = getSelection();
  const text = selection.rangeCount ? selectedText(selection.getRangeAt(0)) : "";
  if (text === "" || event.target.closest?.("input")) return;
  event.clipboardData.setData("text/plain", text);
  event.preventDefault();
});

$("copy").addEventListener("click", async () => {
  const label = $("copy").querySelector("span");
  const range = document.createRange();
  range.selectNodeContents(viewer);
  try {
    await navigator.clipboard.writeText(selectedText(range));
    label.textContent = "Copied";
  } catch {
    // Not every browser lets a local file write to the clipboard; people can.
    getSelection().selectAllChildren(viewer);
    label.textContent = "Selected: press Ctrl+C";
  }
  setTimeout(() => (label.textContent = "Copy all"), 2000);
});

// Search

let matches = []; // {line, ranges over the picture, range in the text}
let current = -1;

function find(query) {
  const pattern = query.trim().replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&").replace(/\s+/g, "\\s+");
  if (!pattern) return [];
  const expression = new RegExp(pattern, "giu");
  return lines.flatMap((line) =>
    [...line.printed.textContent.matchAll(expression)].map((match) =>
      locate(line, match.index, match.index + match[0].length),
    ),
  );
}

function locate(line, start, end) {
  const pieces = line.words.map(({ node, start: offset }) => [
    node,
    Math.max(start - offset, 0),
    Math.min(end - offset, node.length),
  ]);
  pieces.push([line.printed.firstChild, start, end]);
  const ranges = pieces.filter(([, from, to]) => from < to).map((piece) => rangeOf(...piece));
  return { line, ranges };
}

function show() {
  const found = matches.filter((_, k) => k !== current).flatMap(({ ranges }) => ranges);
  CSS.highlights.set("match", new Highlight(...found));
  CSS.highlights.set("match-current", new Highlight(...(matches[current]?.ranges ?? [])));
  const total = matches.length;
  $("count").value = total ? `${current + 1} of ${total}` : $("query").value.trim() && "none";
  $("previous-match").disabled = $("next-match").disabled = total === 0;
  if (total === 0) return;
  const { line, ranges } = matches[current];
  reveal(ranges[0].startContainer.parentElement);
  reveal(line.printed, "nearest");
}

function move(by) {
  if (matches.length === 0) return;
  current = (current + by + matches.length) % matches.length;
  show();
}

$("query").addEventListener("input", (event) => {
  matches = find(event.target.value);
  current = matches.length ? 0 : -1;
  show();
});
$("query").addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    move(event.shiftKey ? -1 : 1);
  } else if (event.key === "Escape") {
    event.target.value = "";
    event.target.dispatchEvent(new Event("input"));
    event.target.blur();
  }
});
$("previous-match").onclick = () => move(-1);
$("next-match").onclick = () => move(1);

if (matchMedia("(max-width: 760px)").matches) $("with-text").checked = false;
// The arrow and page keys scroll at once.
viewer.focus({ preventScroll: true, focusVisible: false });
