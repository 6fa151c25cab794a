// The race of `course_utils.race`: turns the data beside it into a stage with controls.
// Every race that is not ready yet is started, so it does not matter how often this runs.
(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const WIDTH = 1000, HEIGHT = 750; // of stage and loss plot, in units of their view boxes
  const SPEEDS = [["slow", 6], ["normal", 20], ["fast", 60]]; // steps in a second
  const RING = "M26 0A26 26 0 1 1 26 -.1ZM3 0A3 3 0 1 1 3 -.1Z";
  const ICONS = {
    play: "M4 2l10 6-10 6z", pause: "M3 2h4v12H3zM9 2h4v12H9z", restart: "M2 2h2v12H2zM14 2v12L5 8z",
    back: "M11 2v12L3 8z", forward: "M5 2v12l8-6z",
  };

  function make(namespace, name, attributes, children) {
    const node = namespace ? document.createElementNS(namespace, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (value !== false) node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children);
    return node;
  }
  const html = (name, attributes = {}, ...children) => make(null, name, attributes, children);
  const svg = (name, attributes = {}, ...children) => make(SVG, name, attributes, children);
  const icon = name => svg("svg", {viewBox: "0 0 16 16", "aria-hidden": "true"}, svg("path", {d: ICONS[name]}));
  const choices = (pairs, chosen) =>
    pairs.map(([value, text]) => html("option", {value, selected: String(value) === String(chosen)}, text));

  function sums(deltas) {
    let total = 0;
    return deltas.map(delta => (total += delta));
  }

  // Two digits of 10^log, as Python writes them: 0.032, 4.5, 120, 3.2e-5.
  function number(log) {
    if (log >= -2 && log < 4) return String(Number((10 ** log).toPrecision(2)));
    const exponent = Math.floor(log + 0.0022); // 9.95 and more is written as 10
    return `${(10 ** (log - exponent)).toFixed(1)}e${exponent}`;
  }

  // Corners of a head: a shape for each competitor, so that colour is not all there is.
  function head(shape) {
    const [corners, turn, inner] = [
      [24, 0, 1], [4, 45, 1], [3, -90, 1], [4, 0, 1], [3, 90, 1], [8, 0, 0.42], [10, -90, 0.45], [6, 0, 1],
    ][shape % 8];
    const size = corners === 3 ? 18 : inner < 1 ? 19 : 15;
    return "M" + Array.from({length: corners}, (_, i) => {
      const angle = (turn + 360 * i / corners) * Math.PI / 180, radius = i % 2 ? size * inner : size;
      return `${(radius * Math.cos(angle)).toFixed(1)} ${(radius * Math.sin(angle)).toFixed(1)}`;
    }).join("L") + "Z";
  }

  const key = style => svg("svg", {class: "race-key", viewBox: "0 0 64 24", "aria-hidden": "true"},
    svg("path", {d: "M0 12H64", class: "race-line", "stroke-dasharray": style.dash}),
    svg("path", {d: head(style.shape), class: "race-head", transform: "translate(32 12) scale(.6)"}));

  function start(root) {
    const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
    const {steps, rates, optimizers, surfaces, floor} = data;
    const slow = matchMedia("(prefers-reduced-motion: reduce)");
    const group = `race-${Math.random().toString(36).slice(2)}`;
    const shown = optimizers.map(() => true);
    const chosen = surfaces.map(surface => [...surface.best]); // rate by surface and optimizer
    const decoded = new Map();
    let surface = 0, step = steps, timer = 0;

    function run(of, optimizer, rate) {
      const name = `${of} ${optimizer} ${rate}`;
      if (!decoded.has(name)) decoded.set(name, surfaces[of].runs[optimizer][rate].map(sums));
      return decoded.get(name);
    }
    const runs = () => optimizers.map((_, i) => run(surface, i, chosen[surface][i]));

    // What is seen

    const contours = svg("g", {class: "race-contours"});
    const minima = svg("g", {class: "race-minima"});
    const competitor = (style, className, ...children) =>
      svg("g", {class: className, style: `--race-color: ${style.color}`}, ...children);
    const line = style => svg("polyline", {class: "race-line", "stroke-dasharray": style.dash});
    const trails = optimizers.map(line), curves = optimizers.map(line);
    const heads = optimizers.map(style => svg("path", {class: "race-head", d: head(style.shape)}));
    const ghosts = optimizers.map((style, i) => competitor(style, "race-competitor", trails[i]));
    const tops = optimizers.map((style, i) => competitor(style, "race-competitor", heads[i]));
    const losses = optimizers.map((style, i) => competitor(style, "race-competitor", curves[i]));
    const frame = {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true"};
    const stageTicks = html("div", {class: "race-ticks", "aria-hidden": "true"});
    const stage = html("div", {
      class: "race-plot race-stage", tabindex: "0", role: "group", onkeydown: pressed,
      "aria-label": "Picture of the race. Space plays and pauses, the left and right arrow step, Home and End jump.",
    }, svg("svg", frame, contours, minima, ...ghosts, ...tops), stageTicks);
    const grid = svg("g", {class: "race-grid"});
    const cursor = svg("path", {class: "race-cursor"});
    const lossTicks = html("div", {class: "race-ticks", "aria-hidden": "true"});
    const lossPlot = html("div", {class: "race-plot race-losses"},
      svg("svg", frame, grid, ...losses, cursor), lossTicks);
    const note = html("p", {class: "race-note"});
    const status = html("p", {class: "race-status", role: "status", "aria-live": "polite"});

    // What is pressed

    const button = (name, label, act) =>
      html("button", {type: "button", "aria-label": label, title: label, onclick: act}, icon(name));
    const play = html("button", {type: "button", class: "race-play", onclick: () => (timer ? pause() : go())});
    const scrub = html("input", {
      type: "range", min: 0, max: steps, step: 1, value: step, "aria-label": "Step",
      oninput: () => { halt(); show(Number(scrub.value)); }, onchange: () => pause(),
    });
    const counter = html("span", {class: "race-counter", "aria-hidden": "true"});
    const speed = html("select", {}, ...choices(SPEEDS.map(([name], i) => [i, name]), 1));
    const controls = html("div", {class: "race-controls", role: "group", "aria-label": "Playback"},
      button("restart", "Back to the start", () => jump(0)), button("back", "One step back", () => jump(step - 1)),
      play, button("forward", "One step forward", () => jump(step + 1)), scrub, counter,
      html("label", {class: "race-speed"}, "Speed ", speed));
    const chooser = html("fieldset", {class: "race-surfaces"}, html("legend", {}, "Surface"),
      ...surfaces.map(({name}, i) => html("label", {},
        html("input", {type: "radio", name: group, checked: i === 0, autocomplete: "off", onchange: () => choose(i)}),
        html("span", {}, name))));
    const everyRate = html("select", {onchange: setAll});
    const rateSelects = optimizers.map((style, i) => html("select", {
      "aria-label": `Learning rate of ${style.name}`,
      onchange: event => { chosen[surface][i] = Number(event.target.value); everyRate.value = ""; refresh(); },
    }));
    const lossCells = optimizers.map(() => html("td", {class: "race-loss"}));
    const rows = optimizers.map((style, i) => html("tr", {style: `--race-color: ${style.color}`},
      html("th", {scope: "row"}, html("label", {}, html("input", {
        type: "checkbox", checked: true, autocomplete: "off",
        onchange: event => { shown[i] = event.target.checked; refresh(); },
      }), key(style), style.name)),
      html("td", {}, rateSelects[i]), lossCells[i]));
    const table = html("table", {class: "race-table"},
      html("thead", {}, html("tr", {}, html("th", {scope: "col"}, "Optimizer"),
        html("th", {scope: "col"}, "Learning rate"), html("th", {scope: "col", class: "race-loss"}, "Loss"))),
      html("tbody", {}, ...rows));
    const app = html("div", {class: "race-app", role: "group", "aria-label": "Race of optimizers"},
      chooser, note,
      html("div", {class: "race-plots"},
        html("div", {class: "race-main"}, html("p", {class: "race-title"}, "Paths, with the minimum in a ring"), stage),
        html("div", {class: "race-side"}, html("p", {class: "race-title"}, "Loss above the minimum, by step"), lossPlot)),
      controls, status,
      html("label", {class: "race-every"}, "Learning rates: ", everyRate), table,
      html("p", {class: "race-note"}, "A hollow marker at the edge stands for a point outside the picture. " +
        "Best is the rate with the lowest mean logarithm of the loss over all steps."));

    // What happens

    function jump(to) { halt(); show(to); report(); }
    function halt() { cancelAnimationFrame(timer); timer = 0; labelPlay(); }
    function pause() { halt(); report(); }
    function labelPlay() { play.replaceChildren(icon(timer ? "pause" : "play"), timer ? "Pause" : "Play"); }

    function go() {
      if (step >= steps) show(0);
      const from = step, began = performance.now();
      status.textContent = `Playing from step ${from}.`;
      const frame = now => {
        const steady = SPEEDS[speed.value][1] * (now - began) / 1000;
        // With less motion: a new picture once in half a second.
        const done = slow.matches ? steady - steady % (SPEEDS[speed.value][1] / 2) : steady;
        show(from + Math.floor(Math.max(0, done)));
        if (step >= steps) pause();
        else timer = requestAnimationFrame(frame);
      };
      timer = requestAnimationFrame(frame);
      labelPlay();
    }

    function pressed(event) {
      const acts = {
        " ": () => play.click(), ArrowLeft: () => jump(step - 1), ArrowRight: () => jump(step + 1),
        Home: () => jump(0), End: () => jump(steps),
      };
      if (!(event.key in acts) || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      acts[event.key]();
    }

    function choose(index) {
      surface = index;
      halt();
      draw();
      refresh();
    }

    function setAll() {
      if (everyRate.value === "") return;
      const best = surfaces[surface].best;
      chosen[surface] = best.map(rate => (everyRate.value === "best" ? rate : Number(everyRate.value)));
      refresh();
    }

    // Everything that changes with the surface.
    function draw() {
      const {name, formula, note: text, contours: paths, minima: stars, xticks, yticks, best} = surfaces[surface];
      note.innerHTML = formula; // written by course_utils
      note.append(". ", text);
      contours.replaceChildren(...paths.map(d => svg("path", {d})));
      minima.replaceChildren(...stars.map(([x, y]) => svg("path", {d: RING, transform: `translate(${x} ${y})`})));
      stageTicks.replaceChildren(
        ...xticks.map(([at, label]) => html("span", {style: `left: ${100 * at / WIDTH}%; bottom: 0`}, label)),
        ...yticks.map(([at, label]) => html("span", {style: `top: ${100 * at / HEIGHT}%; left: 0`, class: "race-y"}, label)));
      const all = best.every((rate, i) => rate === chosen[surface][i]) ? "best" : "";
      everyRate.replaceChildren(...choices(
        [["best", "each its best"], ...rates.map((rate, i) => [i, `all ${rate}`]), ["", "as chosen below"]], all));
    }

    // Everything that changes with what was chosen.
    function refresh() {
      const {runs: all, best} = surfaces[surface];
      optimizers.forEach((_, i) => {
        const marks = rates.map((_, r) => (all[i][r][0].length <= steps ? " – diverges" : r === best[i] ? " – best" : ""));
        rateSelects[i].replaceChildren(...choices(rates.map((rate, r) => [r, rate + marks[r]]), chosen[surface][i]));
        for (const node of [ghosts[i], tops[i], losses[i]]) node.style.display = shown[i] ? "" : "none";
        rows[i].classList.toggle("race-off", !shown[i]);
      });
      drawGrid();
      show(step);
      if (!timer) report();
    }

    let top = 0, bottom = floor; // exponents at the edges of the loss plot
    const height = log => HEIGHT * (top - log / 100) / (top - bottom);
    function drawGrid() {
      const seen = runs().flatMap((run, i) => (shown[i] ? run[2] : []));
      top = Math.min(Math.ceil(Math.max(floor + 1, ...seen.map(log => log / 100)) + 0.2), 5);
      bottom = Math.max(Math.floor(Math.min(top - 1, ...seen.map(log => log / 100)) - 0.2), floor);
      const decades = [];
      for (let log = top; log > bottom; log -= top - bottom > 5 ? 2 : 1) decades.push(log);
      grid.replaceChildren(...decades.map(log => svg("path", {d: `M0 ${height(100 * log)}H${WIDTH}`})));
      const xs = [0, 1, 2, 3].map(third => Math.round(steps * third / 3));
      lossTicks.replaceChildren(
        ...decades.map(log => html("span", {class: "race-y", style: `top: ${100 * height(100 * log) / HEIGHT}%; left: 0`}, `1e${log}`)),
        ...xs.map(at => html("span", {style: `left: ${100 * at / steps}%; bottom: 0`, class: at === steps && "race-end"}, String(at))));
    }

    function show(to) {
      step = Math.min(Math.max(to, 0), steps);
      const at = runs();
      const leaders = ranking(at)[0] || [];
      at.forEach(([x, y, loss], i) => {
        const last = Math.min(step, x.length - 1), gone = last < step;
        trails[i].setAttribute("points", x.slice(0, last + 1).map((value, k) => `${value},${y[k]}`).join(" "));
        curves[i].setAttribute("points",
          loss.slice(0, last + 1).map((value, k) => `${(WIDTH * k / steps).toFixed(1)},${height(value).toFixed(1)}`).join(" "));
        const left = Math.min(Math.max(x[last], 0), WIDTH), down = Math.min(Math.max(y[last], 0), HEIGHT);
        heads[i].setAttribute("transform", `translate(${left} ${down})`);
        heads[i].classList.toggle("race-outside", left !== x[last] || down !== y[last]);
        lossCells[i].textContent = gone ? "diverged" : reading(loss[last]);
        rows[i].classList.toggle("race-first", leaders.includes(i));
      });
      const now = WIDTH * step / steps;
      cursor.setAttribute("d", `M${now} 0V${HEIGHT}`);
      scrub.value = step;
      scrub.setAttribute("aria-valuetext", `step ${step} of ${steps}`);
      counter.textContent = `${step} / ${steps}`;
    }

    // Losses are kept as hundredths of their logarithm, cut off at the floor.
    const reading = loss => (loss <= 100 * floor ? `< 1e${floor}` : number(loss / 100));

    // Those that are shown and did not diverge, the lowest loss first; equal ones together.
    function ranking(at) {
      const places = new Map();
      at.forEach(([, , loss], i) => {
        if (shown[i] && step < loss.length) places.set(loss[step], [...(places.get(loss[step]) || []), i]);
      });
      return [...places.keys()].sort((a, b) => a - b).map(loss => places.get(loss));
    }

    const names = which => which.map(i => optimizers[i].name).join(", ").replace(/, ([^,]*)$/, " and $1");

    function report() {
      const at = runs();
      const say = place => `${names(place)} (${reading(at[place[0]][2][step])})`;
      const list = ranking(at).slice(0, 3).map(say).join(", then ");
      const lost = names([...optimizers.keys()].filter(i => shown[i] && at[i][2].length <= step));
      status.textContent = `Step ${step} of ${steps}.` + (list && ` Lowest loss: ${list}.`) + (lost && ` Diverged: ${lost}.`);
    }

    root.prepend(app);
    root.dataset.ready = "";
    labelPlay();
    draw();
    refresh();
  }

  document.querySelectorAll(".course-race:not([data-ready])").forEach(start);
})();
